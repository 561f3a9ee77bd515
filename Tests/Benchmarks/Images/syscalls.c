// System calls and context switches: two programs in ring 3, each in an address space of its own,
// call the kernel by SYSCALL and by INT 80h, and hand the processor to each other.
#include "support.h"

const char mix_name[] = "syscalls";

enum { page = 4096 };
enum { number_count, number_sum, number_copy, number_yield, number_exit };

/// What syscalls_entry.S finds through GS: the order of the first two is known there.
struct processor {
  uint64_t kernel_stack;
  uint64_t user_stack;
} processor;

struct task {
  uint64_t stack_pointer;
  uint64_t cr3;
  uint64_t kernel_stack_top;
  uint64_t calls;
  uint64_t result;
};

void syscall_entry(void);
void int80_entry(void);

/// Saves the callee-saved registers on the current stack, continues on another one.
void switch_stacks(uint64_t *save, uint64_t load);

/// Where a new task's first switch_stacks returns to: enters ring 3 at `program`.
void enter_ring3(void);

static uint8_t kernel_stacks[2][2 * page] __attribute__((aligned(16)));
static uint64_t pml4[2][512] __attribute__((aligned(page)));
static uint64_t pdpt[2][512] __attribute__((aligned(page)));
static uint64_t directory[2][512] __attribute__((aligned(page)));
static uint64_t table[2][512] __attribute__((aligned(page)));
static uint8_t frames[2][8 * page] __attribute__((aligned(page)));

static struct task tasks[2];
static struct task boot_task;
static unsigned running, ended;
static uint8_t kernel_buffer[256];

/// The programs' private memory: at the same address in both, in different frames.
#define private_memory ((uint64_t *)0x8000000000)
#define private_stack_top 0x8000008000

static void switch_to(struct task *from, struct task *to) {
  processor.kernel_stack = to->kernel_stack_top;
  set_ring0_stack(to->kernel_stack_top);
  write_cr3(to->cr3);
  switch_stacks(&from->stack_pointer, to->stack_pointer);
}

static uint64_t yield(void) {
  struct task *from = &tasks[running];
  if (ended)
    return 0;
  running ^= 1;
  switch_to(from, &tasks[running]);
  return from->calls;
}

static uint64_t end_task(uint64_t result) {
  struct task *from = &tasks[running];
  from->result = result;
  running ^= 1;
  switch_to(from, ++ended == 2 ? &boot_task : &tasks[running]);
  return 0;
}

/// The kernel's side of every system call.
uint64_t system_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c) {
  switch (number) {
  case number_count:
    return ++tasks[running].calls;
  case number_sum:
    return a + b + c;
  case number_copy: {
    const uint8_t *from = (const uint8_t *)a;
    for (uint64_t i = 0; i < (b & 255); i++)
      kernel_buffer[i] = from[i];
    return kernel_buffer[c & 255];
  }
  case number_yield:
    return yield();
  case number_exit:
    return end_task(a);
  default:
    return ~0ull;
  }
}

static uint64_t by_syscall(uint64_t number, uint64_t a, uint64_t b, uint64_t c) {
  uint64_t result = number;
  __asm__ volatile("syscall"
                   : "+a"(result), "+D"(a), "+S"(b), "+d"(c)
                   :
                   : "rcx", "r8", "r9", "r10", "r11", "memory");
  return result;
}

static uint64_t by_interrupt(uint64_t number, uint64_t a, uint64_t b, uint64_t c) {
  uint64_t result = number;
  __asm__ volatile("int $0x80"
                   : "+a"(result), "+D"(a), "+S"(b), "+d"(c)
                   :
                   : "rcx", "r8", "r9", "r10", "r11", "memory");
  return result;
}

/// What both tasks run in ring 3, on their private memory.
void program(uint64_t which) {
  uint64_t sum = which, seed = which + 12345;
  for (int i = 0; i < REPEAT; i++) {
    for (int k = 0; k < 4; k++) {
      sum = mixed(sum, by_syscall(number_count, 0, 0, 0));
      sum = mixed(sum, by_syscall(number_sum, sum, i, k));
    }
    sum = mixed(sum, by_syscall(number_copy, (uint64_t)private_memory + (sum & 1023), 48, sum & 31));
    sum = mixed(sum, by_interrupt(number_count, 0, 0, 0));
    sum = mixed(sum, by_interrupt(number_sum, i, sum, 1));
    for (int k = 0; k < 32; k++)
      private_memory[(seed + k * 37) & 1023] += next_random(&seed);
    sum = mixed(sum, by_syscall(number_yield, 0, 0, 0));
    sum = mixed(sum, private_memory[sum & 1023]);
  }
  by_syscall(number_exit, sum, 0, 0);
}

static void make_task(unsigned i) {
  struct task *task = &tasks[i];
  pml4[i][0] = boot_pml4[0];
  pml4[i][1] = (uint64_t)pdpt[i] | 7;
  pdpt[i][0] = (uint64_t)directory[i] | 7;
  directory[i][0] = (uint64_t)table[i] | 7;
  for (int k = 0; k < 8; k++)
    table[i][k] = (uint64_t)(frames[i] + k * page) | 7;
  task->cr3 = (uint64_t)pml4[i];
  task->kernel_stack_top = (uint64_t)kernel_stacks[i + 1];
  uint64_t *stack = (uint64_t *)task->kernel_stack_top;
  *--stack = private_stack_top - 8;
  *--stack = i;
  *--stack = (uint64_t)enter_ring3;
  stack -= 6; // callee-saved registers, all zero
  task->stack_pointer = (uint64_t)stack;
}

uint64_t mix_run(void) {
  write_msr(0xc0000081, 0x0010000800000000); // IA32_STAR: ring 0 at 08, ring 3 data 18, code 20
  write_msr(0xc0000082, (uint64_t)syscall_entry); // IA32_LSTAR
  write_msr(0xc0000084, 0x47700);                 // IA32_FMASK
  write_msr(0xc0000102, (uint64_t)&processor);    // IA32_KERNEL_GS_BASE
  set_gate(0x80, int80_entry, 3);
  make_task(0);
  make_task(1);
  boot_task.cr3 = (uint64_t)boot_pml4;
  switch_to(&boot_task, &tasks[0]);
  return mixed(tasks[0].result, tasks[1].result);
}

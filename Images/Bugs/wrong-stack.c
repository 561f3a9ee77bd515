// A wrong stack: a thread begins at the lowest address of its stack, and stacks grow downwards.

#include "guest.h"

enum { stack_size = 4096 };

static struct {
  void (*ready[4])(void);
  u64 count;
  u8 stack[stack_size];
} threads;

static __attribute__((noinline)) void work(void) { print("the thread works\n"); }

static __attribute__((noinline)) void run_on(u8 *stack, void (*body)(void)) {
  __asm__ volatile(
      "mov %%rsp, %%rbx\n"
      "mov %0, %%rsp\n"
      "call *%1\n"
      "mov %%rbx, %%rsp"
      : : "r"(stack), "r"(body) : "rbx", "rax", "rcx", "rdx", "rsi", "rdi", "memory");
}

static __attribute__((noinline)) void schedule(void) {
  for (u64 next = 0; next < threads.count; next++) run_on(threads.stack, threads.ready[next]);
}

void start(void) {
  threads.ready[0] = work;
  threads.ready[1] = work;
  threads.count = 2;
  schedule();
  print("all threads are done\n");
  power_off();
}

// What the guests of this folder share: ports, the console, interrupts, a timer.
//
// Each is entered in 64-bit mode at `start`, with the first 512 GiB mapped to themselves, a stack of
// 32 KiB, interrupts off and no interrupt descriptor table.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned u32;
typedef unsigned long u64;

static inline void out8(u16 port, u8 value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out16(u16 port, u16 value) {
  __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void interrupts_on(void) { __asm__ volatile("sti" : : : "memory"); }
static inline void interrupts_off(void) { __asm__ volatile("cli" : : : "memory"); }

// MARK: The console

static void print(const char *text) {
  for (; *text; text++) out8(0x3F8, *text);
}

static void print_number(u64 number) {
  char digits[21];
  char *next = digits + 20;
  *next = 0;
  do *--next = '0' + number % 10; while (number /= 10);
  print(next);
}

static __attribute__((noreturn)) void power_off(void) {
  out16(0x604, 0x3400);
  for (;;) ;
}

static __attribute__((noreturn)) void panic(const char *text) {
  print("panic: ");
  print(text);
  print("\n");
  interrupts_off();
  for (;;) __asm__ volatile("hlt");
}

// MARK: Interrupts

// Saves what a function may change, calls `handler`, and returns from the interrupt. `error` pushes
// an error code where the processor does not.
#define INTERRUPT_ENTRY(entry, handler, error)                                                     \
  void entry(void);                                                                                \
  __asm__(#entry ":\n" error                                                                       \
          "push %rax\npush %rcx\npush %rdx\npush %rsi\npush %rdi\n"                                \
          "push %r8\npush %r9\npush %r10\npush %r11\n"                                             \
          "call " #handler "\n"                                                                    \
          "pop %r11\npop %r10\npop %r9\npop %r8\n"                                                 \
          "pop %rdi\npop %rsi\npop %rdx\npop %rcx\npop %rax\nadd $8, %rsp\niretq\n")
#define NO_ERROR_CODE "push $0\n"
#define HAS_ERROR_CODE ""

struct gate {
  u16 low, selector;
  u8 stack, type;
  u16 middle;
  u32 high, zero;
};

struct table_register {
  u16 limit;
  u64 base;
} __attribute__((packed));

static struct gate interrupt_table[256];

static void set_handler(int vector, void (*entry)(void)) {
  u64 address = (u64)entry;
  u16 selector;
  __asm__("mov %%cs, %0" : "=r"(selector));
  interrupt_table[vector] =
      (struct gate){address, selector, 0, 0x8E, address >> 16, address >> 32, 0};
}

static void load_table(u16 limit) {
  struct table_register table = {limit, (u64)interrupt_table};
  __asm__ volatile("lidt %0" : : "m"(table));
}

// MARK: The timer

enum { timer_vector = 0x20 };

static void end_of_interrupt(void) { out8(0x20, 0x20); }

// Lets the 8254 interrupt so many times a second through the 8259, all other inputs masked.
static void start_timer(u32 frequency) {
  out8(0x20, 0x11);
  out8(0x21, timer_vector);
  out8(0x21, 4);
  out8(0x21, 1);
  out8(0xA1, 0xFF);
  out8(0x21, 0xFE);
  u32 divisor = 1193182 / frequency;
  out8(0x43, 0x34);
  out8(0x40, divisor);
  out8(0x40, divisor >> 8);
}

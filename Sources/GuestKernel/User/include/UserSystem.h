// What a program needs and Swift has no syntax for: SYSCALL, CPUID, and ways to misbehave.
#ifndef USER_SYSTEM_H
#define USER_SYSTEM_H
#include <stdint.h>
#define INLINE static inline __attribute__((always_inline))

INLINE int64_t system_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  int64_t result;
  register uint64_t r10 __asm__("r10") = d;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
}

INLINE int64_t system_call6(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
  int64_t result;
  register uint64_t r10 __asm__("r10") = d;
  register uint64_t r8 __asm__("r8") = e;
  register uint64_t r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

typedef struct { uint32_t eax, ebx, ecx, edx; } cpuid_t;
INLINE cpuid_t cpuid(uint32_t leaf, uint32_t subleaf) {
  cpuid_t r;
  __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
  return r;
}

// Of Compatibility.S: 32-bit code and the ways into the kernel that only it has.
uint64_t compat_call(uint64_t code, uint64_t stack_top, uint32_t eax);
int64_t call_by_interrupt(uint64_t number, uint64_t a, uint64_t b, uint64_t c);
#define COMPAT_CODE(name) \
  void name(void); \
  INLINE uint64_t address_of_##name(void) { return (uint64_t)&name; }
COMPAT_CODE(compat_interrupt)
COMPAT_CODE(compat_sysenter)
COMPAT_CODE(compat_step)
COMPAT_CODE(compat_loop_sysenter)
COMPAT_CODE(compat_probe)

INLINE uint64_t rdtsc(void) {
  uint32_t lo, hi;
  __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
  return (uint64_t)hi << 32 | lo;
}
// A switch between two stacks: keeps the old one's pointer, takes the new one's.
void switch_stack(uint64_t *_Nonnull old, uint64_t to);

INLINE void do_halt(void) { __asm__ volatile("hlt"); }
INLINE void do_divide_by_zero(void) {
  uint32_t a = 1, d = 0, zero = 0;
  __asm__ volatile("divl %2" : "+a"(a), "+d"(d) : "r"(zero));
}
INLINE void do_undefined(void) { __asm__ volatile("ud2"); }
INLINE void do_port(void) { __asm__ volatile("outb %%al, $0x64" ::"a"(0xfe)); }
INLINE void do_write(uint64_t address) { *(volatile uint8_t *)address = 1; }
INLINE uint8_t do_read(uint64_t address) { return *(volatile uint8_t *)address; }
INLINE void do_jump(uint64_t address) { ((void (*)(void))address)(); }

INLINE uint32_t atomic_compare_exchange(uint32_t *_Nonnull word, uint32_t expected, uint32_t desired) {
  __atomic_compare_exchange_n(word, &expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return expected;
}
INLINE uint32_t atomic_exchange(uint32_t *_Nonnull word, uint32_t value) { return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST); }
INLINE uint32_t atomic_add(uint32_t *_Nonnull word, uint32_t value) { return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST); }
INLINE uint32_t atomic_load(uint32_t *_Nonnull word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
INLINE void atomic_store(uint32_t *_Nonnull word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }

// clone() with a function to call on the new stack; the thread ends when it returns (see Start.S).
int64_t thread_create(uint64_t flags, uint64_t stack_top, uint32_t *_Nonnull parent, uint32_t *_Nonnull child,
                      void (*_Nonnull function)(void *_Nullable), void *_Nullable argument);
void user_thread_main(void *_Nullable start);
void signal_return(void);
INLINE uint64_t address_of_signal_return(void) { return (uint64_t)&signal_return; }
void _start(void);
extern const uint64_t *_Nonnull initial_stack_pointer;
INLINE const uint64_t *_Nonnull initial_stack(void) { return initial_stack_pointer; }
INLINE uint64_t address_of_code(void) { return (uint64_t)&_start; }
#endif

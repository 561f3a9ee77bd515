// C view of the machine: what Swift has no syntax for (inline assembly, packed hardware layouts,
// symbols that the linker script or the .S files define).
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H
#include <stddef.h>
#include <stdint.h>
#define INLINE static inline __attribute__((always_inline))
#pragma clang assume_nonnull begin

// Ports.
INLINE void outb(uint16_t p, uint8_t v) { __asm__ volatile("outb %0,%1" ::"a"(v), "Nd"(p) : "memory"); }
INLINE void outw(uint16_t p, uint16_t v) { __asm__ volatile("outw %0,%1" ::"a"(v), "Nd"(p) : "memory"); }
INLINE void outl(uint16_t p, uint32_t v) { __asm__ volatile("outl %0,%1" ::"a"(v), "Nd"(p) : "memory"); }
INLINE uint8_t inb(uint16_t p) { uint8_t v; __asm__ volatile("inb %1,%0" : "=a"(v) : "Nd"(p) : "memory"); return v; }
INLINE uint32_t inl(uint16_t p) { uint32_t v; __asm__ volatile("inl %1,%0" : "=a"(v) : "Nd"(p) : "memory"); return v; }
INLINE uint16_t inw(uint16_t p) { uint16_t v; __asm__ volatile("inw %1,%0" : "=a"(v) : "Nd"(p) : "memory"); return v; }

// Registers.
INLINE uint64_t rdmsr(uint32_t m) {
  uint32_t lo, hi;
  __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(m) : "memory");
  return ((uint64_t)hi << 32) | lo;
}
INLINE void wrmsr(uint32_t m, uint64_t v) {
  __asm__ volatile("wrmsr" ::"c"(m), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}
INLINE uint64_t rdtsc(void) {
  uint32_t lo, hi;
  __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
  return ((uint64_t)hi << 32) | lo;
}
typedef struct { uint32_t eax, ebx, ecx, edx; } cpuid_t;
INLINE cpuid_t cpuid(uint32_t leaf, uint32_t subleaf) {
  cpuid_t r;
  __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
  return r;
}
// RDRAND, for processors that have it: its carry flag says whether there was a number.
INLINE uint64_t read_random(void) {
  uint64_t v;
  uint8_t ok = 0;
  for (int i = 0; i < 10 && !ok; i++) __asm__ volatile("rdrand %0; setc %1" : "=r"(v), "=qm"(ok)::"cc");
  return v;
}
INLINE uint64_t read_cr0(void) { uint64_t v; __asm__ volatile("mov %%cr0,%0" : "=r"(v)); return v; }
INLINE void write_cr0(uint64_t v) { __asm__ volatile("mov %0,%%cr0" ::"r"(v) : "memory"); }
INLINE uint64_t read_cr2(void) { uint64_t v; __asm__ volatile("mov %%cr2,%0" : "=r"(v)); return v; }
INLINE uint64_t read_cr3(void) { uint64_t v; __asm__ volatile("mov %%cr3,%0" : "=r"(v)); return v; }
INLINE void write_cr3(uint64_t v) { __asm__ volatile("mov %0,%%cr3" ::"r"(v) : "memory"); }
INLINE uint64_t read_cr4(void) { uint64_t v; __asm__ volatile("mov %%cr4,%0" : "=r"(v)); return v; }
INLINE void write_cr4(uint64_t v) { __asm__ volatile("mov %0,%%cr4" ::"r"(v) : "memory"); }
INLINE uint64_t read_cr8(void) { uint64_t v; __asm__ volatile("mov %%cr8,%0" : "=r"(v)); return v; }
INLINE void write_cr8(uint64_t v) { __asm__ volatile("mov %0,%%cr8" ::"r"(v) : "memory"); }
INLINE uint64_t read_rbp(void) { uint64_t v; __asm__ volatile("mov %%rbp,%0" : "=r"(v)); return v; }
INLINE uint64_t read_rsp(void) { uint64_t v; __asm__ volatile("mov %%rsp,%0" : "=r"(v)); return v; }
INLINE uint64_t read_rflags(void) { uint64_t v; __asm__ volatile("pushfq; popq %0" : "=r"(v)::"memory"); return v; }
// Type 0: forgets one page of one tag.
INLINE void invpcid(uint64_t tag, uint64_t address) {
  struct { uint64_t tag, address; } what = {tag, address};
  __asm__ volatile("invpcid %0,%1" ::"m"(what), "r"(0ull) : "memory");
}
INLINE void invlpg(uint64_t a) { __asm__ volatile("invlpg (%0)" ::"r"(a) : "memory"); }
INLINE void spin(uint32_t n) { __asm__ volatile("1: decl %0; jnz 1b" : "+r"(n)); }
INLINE void write_cr4_toggling(uint64_t bits) { write_cr4(read_cr4() ^ bits); write_cr4(read_cr4() ^ bits); }
INLINE void memory_fence(void) { __asm__ volatile("mfence" ::: "memory"); }
INLINE void raise_spurious_interrupt(void) { __asm__ volatile("int $0xff" ::: "memory"); }
INLINE void breakpoint(void) { __asm__ volatile("int3" ::: "memory"); }
// The two halves of the store buffering test: see MemoryOrderDemo.
INLINE uint32_t store_then_load(uint32_t *mine, const uint32_t *other) {
  uint32_t seen;
  __asm__ volatile("movl $1,(%1); movl (%2),%0" : "=&r"(seen) : "r"(mine), "r"(other) : "memory");
  return seen;
}
INLINE uint32_t store_fence_load(uint32_t *mine, const uint32_t *other) {
  uint32_t seen;
  __asm__ volatile("movl $1,(%1); mfence; movl (%2),%0" : "=&r"(seen) : "r"(mine), "r"(other) : "memory");
  return seen;
}
INLINE void cpu_cli(void) { __asm__ volatile("cli" ::: "memory"); }
INLINE void cpu_sti(void) { __asm__ volatile("sti" ::: "memory"); }
INLINE void cpu_hlt(void) { __asm__ volatile("hlt" ::: "memory"); }
// STI holds interrupts off for one more instruction, so that none can slip in before HLT.
INLINE void cpu_sti_hlt(void) { __asm__ volatile("sti; hlt" ::: "memory"); }
INLINE void fxsave64(void *p) { __asm__ volatile("fxsave64 (%0)" ::"r"(p) : "memory"); }
INLINE void fxrstor64(const void *p) { __asm__ volatile("fxrstor64 (%0)" ::"r"(p) : "memory"); }

// Memory-mapped registers and raw addresses.
INLINE uint32_t mmio_read32(uint64_t a) { return *(volatile uint32_t *)a; }
INLINE void mmio_write32(uint64_t a, uint32_t v) { *(volatile uint32_t *)a = v; }
INLINE void mmio_write8(uint64_t a, uint8_t v) { *(volatile uint8_t *)a = v; }
INLINE uint8_t mmio_read8(uint64_t a) { return *(volatile uint8_t *)a; }
INLINE uint16_t mmio_read16(uint64_t a) { return *(volatile uint16_t *)a; }
INLINE void mmio_write16(uint64_t a, uint16_t v) { *(volatile uint16_t *)a = v; }
INLINE void mmio_write64(uint64_t a, uint64_t v) { *(volatile uint64_t *)a = v; }
INLINE void memory_barrier(void) { __asm__ volatile("mfence" ::: "memory"); }
INLINE void call_address(uint64_t a) { ((void (*)(void))a)(); }
INLINE uint64_t call_addressor(uint64_t a) { return ((uint64_t (*)(void))a)(); }
INLINE int32_t call_hook(uint64_t a) { return ((int32_t (*)(void))a)(); }
// An IRETQ to where it stands: afterwards the processor takes NMIs again, also in the handler of one.
INLINE void iret_here(void) {
  __asm__ volatile(
      "movq %%rsp,%%rax; pushq $0x10; pushq %%rax; pushfq; pushq $8; leaq 1f(%%rip),%%rax; pushq %%rax;"
      "iretq; 1:" ::: "rax", "memory", "cc");
}
INLINE void *pointer_to(uint64_t a) { return (void *)a; }

// What isr_common and syscall_entry push.
typedef struct {
  uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
  uint64_t vector, error;
  uint64_t rip, cs, rflags, rsp, ss;
} trap_frame;

typedef struct __attribute__((packed)) {
  uint32_t reserved0;
  uint64_t rsp0, rsp1, rsp2, reserved1;
  uint64_t ist1, ist2, ist3, ist4, ist5, ist6, ist7, reserved2;
  uint16_t reserved3, iomap;
} tss_t;

// What the processor needs at all times, and an entry from ring 3 before it has the kernel's page tables:
// the page right below the processor's area, which programs' page tables have too (see Isolation). The
// first four fields are known to entry.S. In its upper part are small stacks: one for entries from ring 3
// and one for each of the exceptions that take none as it is.
typedef struct {
  uint64_t user_rsp;         // scratch of syscall_entry
  uint64_t kernel_root;      // CR3 for the kernel
  uint64_t user_root;        // CR3 for ring 3; 0 where it is the same
  uint64_t keep_bit;         // of CR3: keeps the translations that are tagged with the new PCID
  uint64_t gdt[10];
  uint64_t local_table[8];   // what LDTR refers to: the running program's descriptors
  tss_t tss;
} entry_area_t;
_Static_assert(sizeof(entry_area_t) <= 1024, "the stacks of the entry page begin here");
_Static_assert(offsetof(entry_area_t, keep_bit) == 24, "entry.S");

// One processor's own area, which GS points to in the kernel. The fields down to nmi are known to
// entry.S by their offsets. Only its own processor writes it, unless a field says otherwise.
#define PERCPU_HELD_LOCKS 16
typedef struct percpu {
  struct percpu *self;
  uint64_t kernel_rsp;       // where SYSCALL finds its stack
  uint64_t exception_stacks[4];  // tops, of IST1 to IST4; not in the entry page, which ring 3 may see
  uint32_t nmi;              // 1 in an NMI's handler, 2 if another NMI came meanwhile
  uint32_t in_debugger;      // not 0 while it talks to GDB or waits for who does
  void *_Nullable thread;    // the running thread, unretained
  uint32_t preempt_count;    // see Preemption
  uint32_t need_resched;     // others set it too, then send the reschedule interrupt
  uint32_t index, apic_id;
  uint32_t softirq_pending;
  uint32_t online;
  uint32_t held_count;
  void *_Nullable held[PERCPU_HELD_LOCKS];  // spinlocks, in the order they were taken
  uint64_t idle_stack;       // top
  uint64_t interrupt_stack;  // top; 0 while there is none
  uint64_t root_table;       // the page tables it uses: see TLB.load
  uint32_t flush_requested;  // by TLB.flush on another processor
  uint32_t call_requested;   // by CPU.call on another processor
  uint64_t *_Nullable vector_counts;  // interrupts and exceptions by vector
} percpu_t;
_Static_assert(sizeof(percpu_t) <= 1024, "percpu0 in entry.S is too small");
_Static_assert(offsetof(percpu_t, kernel_rsp) == 8 && offsetof(percpu_t, nmi) == 48, "entry.S");
INLINE entry_area_t *entry_area(percpu_t *area) { return (entry_area_t *)((uint8_t *)area - 4096); }
// Where its stacks begin: that of entries from ring 3, and those of TSS.IST1 to IST4, each below the word
// that says its number. These have room for four frames, see isr_paranoid.
INLINE uint64_t entry_stack(percpu_t *area) { return (uint64_t)area; }
INLINE uint64_t set_exception_stack(percpu_t *area, uint32_t number, uint64_t top) {
  uint64_t *word = (uint64_t *)((uint64_t)area - 192 - 720 * (number - 1) - 16);
  *word = number;
  area->exception_stacks[number - 1] = top;
  return (uint64_t)word;
}
// The next return to ring 3 forgets what is tagged as ring 3's.
INLINE void entry_forget_user(void) {
  __asm__ volatile("btrq $63,%%gs:%c0" ::"i"((long)offsetof(entry_area_t, user_root) - 4096) : "memory", "cc");
}

// Each is one instruction: no interrupt, and no move to another processor, can come in between.
#define PERCPU_FIELD(type, field) \
  INLINE type percpu_##field(void) { \
    type v; __asm__ volatile("mov %%gs:%c1,%0" : "=r"(v) : "i"(offsetof(percpu_t, field)) : "memory"); \
    return v; \
  }
PERCPU_FIELD(percpu_t *, self)
PERCPU_FIELD(void *_Nullable, thread)
PERCPU_FIELD(uint32_t, preempt_count)
PERCPU_FIELD(uint32_t, need_resched)
PERCPU_FIELD(uint32_t, index)
PERCPU_FIELD(uint64_t, interrupt_stack)
PERCPU_FIELD(uint32_t, softirq_pending)
INLINE void percpu_add_preempt_count(uint32_t n) {
  __asm__ volatile("addl %0,%%gs:%c1" ::"ri"(n), "i"(offsetof(percpu_t, preempt_count)) : "memory");
}
INLINE void percpu_push_held(percpu_t *area, void *lock) {
  if (area->held_count < PERCPU_HELD_LOCKS) area->held[area->held_count] = lock;
  area->held_count++;
}
INLINE void percpu_remove_held(percpu_t *area, void *lock) {
  uint32_t n = area->held_count > PERCPU_HELD_LOCKS ? PERCPU_HELD_LOCKS : area->held_count, i = n;
  area->held_count--;
  while (i > 0 && area->held[i - 1] != lock) i--;
  for (; i > 0 && i < n; i++) area->held[i - 1] = area->held[i];
}
INLINE void *_Nullable percpu_held_at(const percpu_t *area, uint32_t i) { return area->held[i]; }
// Atomic operations on words in memory, for globals that must be there before the first allocation:
// the standard library's Atomic makes a global one that is initialised at its first use.
INLINE uint32_t atomic_load32(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
INLINE void atomic_store32(uint32_t *p, uint32_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
INLINE uint32_t atomic_add32(uint32_t *p, uint32_t v) { return __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL); }
INLINE uint32_t atomic_or32(uint32_t *p, uint32_t v) { return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST); }
INLINE uint32_t percpu_softirq_pending_take(void) {
  uint32_t v = 0;
  __asm__ volatile("xchgl %0,%%gs:%c1" : "+r"(v) : "i"(offsetof(percpu_t, softirq_pending)) : "memory");
  return v;
}
INLINE void percpu_softirq_raise(uint32_t bits) {
  __asm__ volatile("orl %0,%%gs:%c1" ::"r"(bits), "i"(offsetof(percpu_t, softirq_pending)) : "memory");
}
INLINE uint32_t atomic_exchange32(uint32_t *p, uint32_t v) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); }
INLINE uint32_t atomic_and32(uint32_t *p, uint32_t v) { return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST); }
INLINE uint64_t atomic_load64(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
INLINE void atomic_store64(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }
INLINE uint64_t atomic_add64(uint64_t *p, uint64_t v) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }
INLINE _Bool atomic_replace32(uint32_t *p, uint32_t old, uint32_t v) {
  return __atomic_compare_exchange_n(p, &old, v, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
INLINE void cpu_pause(void) { __asm__ volatile("pause" ::: "memory"); }

INLINE void load_gdt(uint64_t base, uint16_t limit) {
  struct __attribute__((packed)) { uint16_t l; uint64_t b; } d = {limit, base};
  __asm__ volatile(
      "lgdt %0\n\t pushq $0x08\n\t leaq 1f(%%rip),%%rax\n\t pushq %%rax\n\t lretq\n1:\n\t"
      "movw $0x10,%%ax; movw %%ax,%%ds; movw %%ax,%%es; movw %%ax,%%ss\n\t"
      "xorl %%eax,%%eax; movw %%ax,%%fs" ::"m"(d) : "rax", "memory");
}
INLINE void load_idt(uint64_t base, uint16_t limit) {
  struct __attribute__((packed)) { uint16_t l; uint64_t b; } d = {limit, base};
  __asm__ volatile("lidt %0" ::"m"(d) : "memory");
}
INLINE void load_ldtr(uint16_t sel) { __asm__ volatile("lldt %0" ::"r"(sel) : "memory"); }
INLINE uint32_t read_data_selectors(void) {
  uint16_t d, e;
  __asm__ volatile("movw %%ds,%0; movw %%es,%1" : "=r"(d), "=r"(e));
  return (uint32_t)e << 16 | d;
}
INLINE void load_data_selectors(uint32_t v) {
  __asm__ volatile("movw %w0,%%ds; movw %w1,%%es" ::"r"(v & 0xffff), "r"(v >> 16) : "memory");
}
INLINE void load_tr(uint16_t sel) { __asm__ volatile("ltr %0" ::"r"(sel) : "memory"); }
INLINE uint64_t read_dr6(void) {
  uint64_t v;
  __asm__ volatile("movq %%dr6,%0" : "=r"(v));
  return v;
}
INLINE void write_dr6(uint64_t v) { __asm__ volatile("movq %0,%%dr6" ::"r"(v)); }
INLINE void write_dr7(uint64_t v) { __asm__ volatile("movq %0,%%dr7" ::"r"(v)); }
INLINE void write_debug_address(uint32_t index, uint64_t v) {
  switch (index) {
    case 0: __asm__ volatile("movq %0,%%dr0" ::"r"(v)); break;
    case 1: __asm__ volatile("movq %0,%%dr1" ::"r"(v)); break;
    case 2: __asm__ volatile("movq %0,%%dr2" ::"r"(v)); break;
    default: __asm__ volatile("movq %0,%%dr3" ::"r"(v)); break;
  }
}
// With an empty IDT the first exception becomes a triple fault: the reset of last resort.
INLINE void triple_fault(void) {
  struct __attribute__((packed)) { uint16_t l; uint64_t b; } d = {0, 0};
  __asm__ volatile("lidt %0; int3" ::"m"(d) : "memory");
}

// Defined by the .S files.
extern uint64_t idt_table[512];
INLINE uint64_t linker_idt_table(void) { return (uint64_t)idt_table; }
extern percpu_t percpu0;
extern uint8_t smap_enabled;
size_t strlen(const char *text);
void syscall_entry(void);
void sysenter_entry(void);
void syscall_compat(void);
void sysenter_entry_end(void);
void iret_instruction(void);
INLINE uint64_t address_of_sysenter_entry_end(void) { return (uint64_t)&sysenter_entry_end; }
INLINE uint64_t address_of_iret_instruction(void) { return (uint64_t)&iret_instruction; }
void thread_start(void);
void processor_start(void);
void thread_start_user(void);
void switch_context(uint64_t *save_rsp, uint64_t new_rsp);
void call_on_stack(void (*function)(uint64_t), uint64_t argument, uint64_t top);
// Do nothing: where a checker outside sees that a lock has been taken, and that it is given back.
void race_lock(const void *lock);
void race_unlock(const void *lock);
extern uint64_t race_counter, race_counter_locked;
// Copies between the kernel and user memory; returns the number of bytes that could not be copied.
uint64_t user_copy(void *to, const void *from, uint64_t count);
INLINE uint64_t address_of_syscall_entry(void) { return (uint64_t)&syscall_entry; }
INLINE uint64_t address_of_sysenter_entry(void) { return (uint64_t)&sysenter_entry; }
INLINE uint64_t address_of_syscall_compat(void) { return (uint64_t)&syscall_compat; }
void oops_end(void);
INLINE uint64_t address_of_oops_end(void) { return (uint64_t)&oops_end; }
INLINE uint64_t address_of_thread_start(void) { return (uint64_t)&thread_start; }
INLINE uint64_t address_of_processor_start(void) { return (uint64_t)&processor_start; }
INLINE uint64_t address_of_thread_start_user(void) { return (uint64_t)&thread_start_user; }

typedef struct { uint64_t fault, fixup; } fixup_t;
typedef struct { uint32_t offset, name; } ksym_t;
typedef struct { uint32_t high, low, offset; } ksymhash_t;
typedef struct { const char *name; const uint8_t *start; uint64_t size; } program_t;

// Swift does not import arrays of unknown size: hand out their addresses by inline functions.
#define ADDRESS_OF(sym, type) \
  extern type sym[]; \
  INLINE type *address_of_##sym(void) { return sym; }
#define LINKER_ADDRESS(sym) \
  extern uint8_t sym[]; \
  INLINE uint64_t linker_##sym(void) { return (uint64_t)sym; }
extern percpu_t *_Nullable percpu_table[64];
INLINE percpu_t *_Nullable *_Nonnull address_of_percpu_table(void) { return percpu_table; }
ADDRESS_OF(early_heap, uint8_t)
ADDRESS_OF(early_heap_end, uint8_t)
LINKER_ADDRESS(isr_stubs)
LINKER_ADDRESS(interrupt_return)
LINKER_ADDRESS(trampoline_start)
LINKER_ADDRESS(trampoline_end)
LINKER_ADDRESS(trampoline_area)
LINKER_ADDRESS(trampoline_stack)
LINKER_ADDRESS(trampoline_entry)
LINKER_ADDRESS(boot_start)
LINKER_ADDRESS(boot_end)
LINKER_ADDRESS(text_start)
LINKER_ADDRESS(text_end)
LINKER_ADDRESS(rodata_start)
LINKER_ADDRESS(rodata_end)
LINKER_ADDRESS(data_start)
LINKER_ADDRESS(data_end)
LINKER_ADDRESS(symbols_start)
LINKER_ADDRESS(kernel_end)
LINKER_ADDRESS(image_base)
LINKER_ADDRESS(idle_stack_guard)
LINKER_ADDRESS(idle_stack_top)
LINKER_ADDRESS(double_fault_stack_guard)
LINKER_ADDRESS(double_fault_stack_top)
LINKER_ADDRESS(nmi_stack_guard)
LINKER_ADDRESS(nmi_stack_top)
LINKER_ADDRESS(machine_check_stack_guard)
LINKER_ADDRESS(machine_check_stack_top)
LINKER_ADDRESS(debug_stack_guard)
LINKER_ADDRESS(debug_stack_top)
LINKER_ADDRESS(entry_text_start)
LINKER_ADDRESS(entry_text_end)
ADDRESS_OF(fixups_start, const fixup_t)
ADDRESS_OF(fixups_end, const fixup_t)
ADDRESS_OF(kallsyms_start, const ksym_t)
ADDRESS_OF(kallsyms_end, const ksym_t)
ADDRESS_OF(kallsyms_names, const char)
ADDRESS_OF(ksymhash_start, const ksymhash_t)
ADDRESS_OF(ksymhash_end, const ksymhash_t)
ADDRESS_OF(module_key, const uint8_t)
ADDRESS_OF(module_identity, const uint8_t)
ADDRESS_OF(modules_start, const program_t)
ADDRESS_OF(modules_end, const program_t)
ADDRESS_OF(programs_start, const program_t)
ADDRESS_OF(programs_end, const program_t)

#pragma clang assume_nonnull end
#endif

// A guest for several processors: start-up, locks, interrupts between processors, TLB shootdown,
// cross-modifying code, MONITOR and MWAIT, x2APIC. Every processor runs `main`; R15D is its APIC
// ID and R14 the APIC's page. The bootstrap processor, number 0, directs and reports.

#define BASE 0x100000
#define A(x) ((x) - multiprocessor_guest_start + BASE)

// Physical memory.
#define TABLES 0x200000
#define OTHER_TABLES 0x206000
#define OTHER_ENTRY 0x208000
#define VARIABLES 0x210000
#define OWN 0x211000
#define IDT 0x220000
#define PAGE_A 0x230000
#define PAGE_B 0x231000
#define FUNCTION 0x240000
#define STACKS 0x300000
#define TRAMPOLINE 0x90000
// A linear address of its own, which OTHER_ENTRY maps.
#define WINDOW 0x8000000000

// Shared variables, a line each.
#define V(n) (VARIABLES + (n) * 64)
#define STARTED V(0)
#define IDENTITIES V(1)
#define ARRIVED V(2)
#define GENERATION V(3)
#define LOCKED_SUM V(4)
#define LOCK V(5)
#define GUARDED_SUM V(6)
#define LAST_TIME V(7)
#define TIME_ERRORS V(8)
#define INTERRUPTS V(9)
#define NMIS V(10)
#define SHOOTDOWNS V(12)
#define SIGNAL V(13)
#define WOKEN V(14)
#define ERRORS V(15)
#define PHASE V(16)
#define QUIET V(17)
#define RESTARTS V(18)
#define X2_INTERRUPTS V(19)
#define IS_RESTARTING V(20)
#define CODE_CALLS V(21)

// Registers of the APIC.
#define APIC_ID 0x20
#define APIC_EOI 0xB0
#define APIC_LDR 0xD0
#define APIC_SVR 0xF0
#define APIC_IRR_40 0x220
#define APIC_ICR 0x300
#define APIC_ICR_HIGH 0x310

#define COUNT A(count)
#define ROUNDS A(rounds)

  .section .rodata.multiprocessor_guest, "a", @progbits
  .globl multiprocessor_guest_start
  .globl multiprocessor_guest_end
  .balign 16
  .code32
multiprocessor_guest_start:
  jmp start
  .balign 8
count:
  .long 1
rounds:
  .long 100

gdt:
  .quad 0
  .quad 0x00AF9B000000FFFF
  .quad 0x00CF93000000FFFF
  .quad 0x00CF9B000000FFFF
gdt_pointer:
  .word 31
  .long A(gdt)
idt_pointer:
  .word 0xFFF
  .quad IDT

// The bootstrap processor, in 32-bit mode without paging.
start:
  cli
  lgdt A(gdt_pointer)
  ljmp $0x18, $A(1f)
1:
  movl $0x10, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  movl $TABLES + 0x1003, TABLES
  movl $OTHER_TABLES + 3, TABLES + 8
  movl $OTHER_TABLES + 0x1003, OTHER_TABLES
  movl $OTHER_TABLES + 0x2003, OTHER_TABLES + 0x1000
  movl $PAGE_A + 3, OTHER_ENTRY
  movl $TABLES + 0x1000, %edi
  movl $TABLES + 0x2003, %eax
  movl $4, %ecx
2:
  movl %eax, (%edi)
  addl $0x1000, %eax
  addl $8, %edi
  loop 2b
  movl $TABLES + 0x2000, %edi
  movl $0x83, %eax
  movl $2048, %ecx
3:
  movl %eax, (%edi)
  addl $0x200000, %eax
  addl $8, %edi
  loop 3b
  movl $A(trampoline), %esi
  movl $TRAMPOLINE, %edi
  movl $(trampoline_end - trampoline), %ecx
  rep movsb
  jmp enter_long

// Every other processor begins here, in real-address mode.
  .code16
trampoline:
  cli
  lgdtl %cs:(trampoline_gdt - trampoline)
  movl %cr0, %eax
  orb $1, %al
  movl %eax, %cr0
  ljmpl $0x18, $A(start_other)
trampoline_gdt:
  .word 31
  .long A(gdt)
trampoline_end:

  .code32
start_other:
  movl $0x10, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
enter_long:
  movl $0x620, %eax
  movl %eax, %cr4
  movl $TABLES, %eax
  movl %eax, %cr3
  movl $0xC0000080, %ecx
  rdmsr
  orl $0x100, %eax
  wrmsr
  movl %cr0, %eax
  andl $0x9FFFFFFF, %eax
  orl $0x80010001, %eax
  movl %eax, %cr0
  ljmp $0x08, $A(long_entry)

  .code64
long_entry:
  movl $0x10, %eax
  movl %eax, %ss
  movl %eax, %ds
  movl %eax, %es
  movl $1, %eax
  cpuid
  shrl $24, %ebx
  movl %ebx, %r15d
  movl %ebx, %eax
  shll $12, %eax
  leaq STACKS + 0x1000(%rax), %rsp
  // What each processor counts for itself.
  movl %r15d, %r13d
  shll $6, %r13d
  addq $OWN, %r13
  movl $0xFEE00000, %r14d
  movl $0x1FF, APIC_SVR(%r14)
  testl %r15d, %r15d
  jnz 1f
  // Firmware may have left a timer running.
  movb $0xFF, %al
  outb %al, $0x21
  outb %al, $0xA1
  call make_gates
  lidt A(idt_pointer)
  call start_others
  jmp main
1:
  lidt A(idt_pointer)
  cmpl $0, IS_RESTARTING
  jne restarted
  lock incl STARTED

main:
  movl APIC_ID(%r14), %eax
  shrl $24, %eax
  cmpl %eax, %r15d
  call count_error_unless_equal
  lock btsl %r15d, IDENTITIES
  movl %r15d, %ecx
  movl $0x1000000, %eax
  shll %cl, %eax
  movl %eax, APIC_LDR(%r14)
  call barrier
  call count_together
  call barrier
  call interrupt_each_other
  call barrier
  call shoot_down
  call barrier
  call modify_code
  call barrier
  call wait_for_stores
  call barrier
  call wait_with_interrupts_off
  call barrier
  call use_x2apic
  call barrier
  testl %r15d, %r15d
  jz 2f
1:
  cli
  hlt
  jmp 1b
2:
  call restart_one
  call report
  xorl %eax, %eax
  outl %eax, $0xF4
3:
  hlt
  jmp 3b

restarted:
  lock incl RESTARTS
1:
  cli
  hlt
  jmp 1b

// Waits until every processor has come here.
barrier:
  movl GENERATION, %ecx
  movl $1, %eax
  lock xaddl %eax, ARRIVED
  incl %eax
  cmpl COUNT, %eax
  jne 1f
  movl $0, ARRIVED
  lock incl GENERATION
  ret
1:
  pause
  cmpl %ecx, GENERATION
  je 1b
  ret

count_error_unless_equal:
  je 1f
  lock incl ERRORS
1:
  ret

delay:
  movl $2000, %ecx
1:
  pause
  decl %ecx
  jnz 1b
  ret

// INIT and start-up to all the others.
start_others:
  movl $0xC4500, APIC_ICR(%r14)
  call delay
  movl $0xC4690, APIC_ICR(%r14)
1:
  movl STARTED, %eax
  incl %eax
  cmpl COUNT, %eax
  je 2f
  pause
  jmp 1b
2:
  ret

// INIT to processor 1 alone, and what it does when it is started again.
restart_one:
  cmpl $1, COUNT
  je 2f
  movl $1, IS_RESTARTING
  movl $0x1000000, APIC_ICR_HIGH(%r14)
  movl $0xFEE00000, %r14d
  call is_x2apic
  jz 3f
  movl $0x830, %ecx
  movl $1, %edx
  movl $0x4500, %eax
  wrmsr
  call delay
  movl $0x830, %ecx
  movl $1, %edx
  movl $0x4690, %eax
  wrmsr
  jmp 1f
3:
  movl $0x4500, APIC_ICR(%r14)
  call delay
  movl $0x4690, APIC_ICR(%r14)
1:
  pause
  cmpl $0, RESTARTS
  je 1b
2:
  ret

// Sums: by locked instructions, and by plain ones under a lock; time must not run backwards.
count_together:
  movl ROUNDS, %ebx
1:
  lock incl LOCKED_SUM
2:
  movl $1, %eax
  xchgl %eax, LOCK
  testl %eax, %eax
  jz 4f
3:
  pause
  cmpl $0, LOCK
  jne 3b
  jmp 2b
4:
  movl GUARDED_SUM, %esi
  rdtsc
  shlq $32, %rdx
  orq %rdx, %rax
  cmpq LAST_TIME, %rax
  jae 5f
  incl TIME_ERRORS
5:
  movq %rax, LAST_TIME
  incl %esi
  movl %esi, GUARDED_SUM
  movl $0, LOCK
  decl %ebx
  jnz 1b
  ret

// Waits until INTERRUPTS is EDI.
wait_for_interrupts:
  pause
  cmpl %edi, INTERRUPTS
  jb wait_for_interrupts
  ret

// The others sleep until PHASE is EDI, and are interrupted.
sleep_until_phase:
  cli
  cmpl %edi, PHASE
  je 1f
  sti
  hlt
  jmp sleep_until_phase
1:
  sti
  ret

interrupt_each_other:
  sti
  // To the next processor, by its ID.
  leal 1(%r15), %eax
  xorl %edx, %edx
  cmpl COUNT, %eax
  cmovel %edx, %eax
  shll $24, %eax
  movl %eax, APIC_ICR_HIGH(%r14)
  movl $0x4040, APIC_ICR(%r14)
1:
  pause
  cmpl $0, (%r13)
  je 1b
  call barrier
  movl $1, %edi
  testl %r15d, %r15d
  jnz sleep_until_phase
  movl COUNT, %ebx
  movl %ebx, %edi
  // All and itself, all but itself, itself.
  call delay
  addl %ebx, %edi
  movl $0x84040, APIC_ICR(%r14)
  call wait_for_interrupts
  call delay
  leal -1(%rdi,%rbx), %edi
  movl $0xC4040, APIC_ICR(%r14)
  call wait_for_interrupts
  incl %edi
  movl $0x44040, APIC_ICR(%r14)
  call wait_for_interrupts
  // All by their logical destinations, and one of them.
  call delay
  addl %ebx, %edi
  movl $0xFF000000, APIC_ICR_HIGH(%r14)
  movl $0x4840, APIC_ICR(%r14)
  call wait_for_interrupts
  call delay
  incl %edi
  movl $0x4940, APIC_ICR(%r14)
  call wait_for_interrupts
  call delay
  cmpl %edi, INTERRUPTS
  call count_error_unless_equal
  // NMI to all but itself.
  movl $0xC4400, APIC_ICR(%r14)
1:
  pause
  movl NMIS, %eax
  incl %eax
  cmpl %eax, %ebx
  jne 1b
  call delay
  movl $1, PHASE
  leal -1(%rdi,%rbx), %edi
  movl $0xC4040, APIC_ICR(%r14)
  call wait_for_interrupts
  movl %edi, QUIET
  ret

// One page changes under everybody's feet, sixteen times.
shoot_down:
  movq $WINDOW, %r12
  movl $16, %ebx
  testl %r15d, %r15d
  jnz 1f
  movl $0xA1, PAGE_A
  movl $0xB2, PAGE_B
1:
  call barrier
  movl $0xA1, %eax
  testl $1, %ebx
  jz 2f
  movl $0xB2, %eax
2:
  cmpl (%r12), %eax
  call count_error_unless_equal
  call barrier
  testl %r15d, %r15d
  jnz 5f
  movl $0, SHOOTDOWNS
  xorl $(PAGE_A ^ PAGE_B), OTHER_ENTRY
  invlpg (%r12)
  movl $0xC4041, APIC_ICR(%r14)
4:
  pause
  movl SHOOTDOWNS, %eax
  incl %eax
  cmpl COUNT, %eax
  jne 4b
5:
  decl %ebx
  jnz 1b
  call barrier
  testl $0x20, OTHER_ENTRY
  jnz 6f
  lock incl ERRORS
6:
  ret

// One processor rewrites a function that all of them call until it returns something new.
modify_code:
  testl %r15d, %r15d
  jnz 1f
  movb $0xB8, FUNCTION
  movl $0, FUNCTION + 1
  movb $0xC3, FUNCTION + 5
1:
  movl $FUNCTION, %r12d
  movl $1, %ebx
2:
  call barrier
  testl %r15d, %r15d
  jnz 3f
  // Not by PAUSE: the others, which do not, are to be in the middle of it.
  movl $1000, %ecx
4:
  decl %ecx
  jnz 4b
  movl %ebx, FUNCTION + 1
3:
  call *%r12
  cmpl %eax, %ebx
  jne 3b
  lock incl CODE_CALLS
  incl %ebx
  cmpl $50, %ebx
  jb 2b
  ret

has_monitor:
  movl $1, %eax
  cpuid
  testl $8, %ecx
  ret

// The others wait for stores to a line; processor 0 makes them in three ways.
wait_for_stores:
  cli
  call has_monitor
  jz 9f
  movl $1, %r12d
1:
  testl %r15d, %r15d
  jz 4f
2:
  movl $SIGNAL, %eax
  xorl %ecx, %ecx
  xorl %edx, %edx
  monitor
  cmpl %r12d, SIGNAL
  je 3f
  xorl %eax, %eax
  mwait
  jmp 2b
3:
  lock incl WOKEN
  jmp 8f
4:
  // Until everybody had time to fall asleep.
  call delay
  movl %r12d, %eax
  xorl %edx, %edx
  movl $3, %ecx
  divl %ecx
  cmpl $1, %edx
  je 5f
  ja 6f
  movl %r12d, SIGNAL
  jmp 7f
5:
  // Across the line's beginning.
  movl %r12d, %eax
  shlq $32, %rax
  movq %rax, SIGNAL - 4
  jmp 7f
6:
  movl %r12d, %eax
  movl $SIGNAL, %edi
  movl $1, %ecx
  rep stosl
7:
  movl COUNT, %eax
  decl %eax
  imull %r12d, %eax
  cmpl WOKEN, %eax
  je 8f
  pause
  jmp 7b
8:
  incl %r12d
  cmpl $20, %r12d
  jb 1b
9:
  ret

// MWAIT that an interrupt ends though it is not delivered yet.
wait_with_interrupts_off:
  call has_monitor
  jz 9f
  cli
  movl (%r13), %ebx
  call barrier
  testl %r15d, %r15d
  jz 4f
1:
  movl $SIGNAL, %eax
  xorl %ecx, %ecx
  xorl %edx, %edx
  monitor
  xorl %eax, %eax
  incl %ecx
  mwait
  testl $1, APIC_IRR_40(%r14)
  jz 1b
  cmpl (%r13), %ebx
  call count_error_unless_equal
  sti
  nop
  incl %ebx
  cmpl (%r13), %ebx
  jmp count_error_unless_equal
4:
  call delay
  movl $0xC4040, APIC_ICR(%r14)
  sti
9:
  ret

// Whether IA32_APIC_BASE.EXTD is set; ZF if not.
is_x2apic:
  movl $0x1B, %ecx
  rdmsr
  testl $0x400, %eax
  ret

use_x2apic:
  movl $1, %eax
  cpuid
  testl $0x200000, %ecx
  jz 9f
  movl $0x1B, %ecx
  rdmsr
  orl $0x400, %eax
  wrmsr
  movl $0x802, %ecx
  rdmsr
  cmpl %eax, %r15d
  call count_error_unless_equal
  sti
  call barrier
  movl $2, %edi
  testl %r15d, %r15d
  jnz sleep_until_phase
  movl INTERRUPTS, %ebx
  movl %ebx, %edi
  call delay
  // Cluster 0, all members; itself; all but itself.
  addl COUNT, %edi
  movl $0x830, %ecx
  movl $0xFFFF, %edx
  movl $0x4840, %eax
  wrmsr
  call wait_for_interrupts
  incl %edi
  movl $0x83F, %ecx
  xorl %edx, %edx
  movl $0x40, %eax
  wrmsr
  call wait_for_interrupts
  call delay
  movl $2, PHASE
  movl COUNT, %eax
  leal -1(%rdi,%rax), %edi
  movl $0x830, %ecx
  movl $0xFFFFFFFF, %edx
  movl $0xC4040, %eax
  wrmsr
  call wait_for_interrupts
  subl %ebx, %edi
  movl %edi, X2_INTERRUPTS
9:
  ret

end_interrupt:
  call is_x2apic
  jz 1f
  movl $0x80B, %ecx
  xorl %eax, %eax
  xorl %edx, %edx
  wrmsr
  ret
1:
  movl $0, APIC_EOI(%r14)
  ret

on_interrupt:
  pushq %rax
  pushq %rcx
  pushq %rdx
  incl (%r13)
  lock incl INTERRUPTS
  call end_interrupt
  popq %rdx
  popq %rcx
  popq %rax
  iretq

on_shootdown:
  pushq %rax
  pushq %rcx
  pushq %rdx
  invlpg (%r12)
  lock incl SHOOTDOWNS
  call end_interrupt
  popq %rdx
  popq %rcx
  popq %rax
  iretq

on_nmi:
  lock incl NMIS
  iretq

on_anything_else:
  movb $'!', %al
  outb %al, $0xE9
  movl $0x3F, %eax
  outl %eax, $0xF4
1:
  cli
  hlt
  jmp 1b

make_gates:
  xorl %edi, %edi
  movl $A(on_anything_else), %esi
1:
  call make_gate
  incl %edi
  cmpl $256, %edi
  jb 1b
  movl $2, %edi
  movl $A(on_nmi), %esi
  call make_gate
  movl $0x40, %edi
  movl $A(on_interrupt), %esi
  call make_gate
  movl $0x41, %edi
  movl $A(on_shootdown), %esi
  // Falls through.

// The interrupt gate of vector EDI leads to ESI.
make_gate:
  movl %edi, %eax
  shll $4, %eax
  addl $IDT, %eax
  movw %si, (%rax)
  movw $0x08, 2(%rax)
  movw $0x8E00, 4(%rax)
  movl %esi, %edx
  shrl $16, %edx
  movw %dx, 6(%rax)
  movq $0, 8(%rax)
  ret

// Prints the sums, each in hexadecimal on a line.
report:
  movl $A(reported), %ebx
1:
  movl (%rbx), %esi
  testl %esi, %esi
  jz 4f
  movl (%rsi), %esi
  movl $8, %ecx
2:
  roll $4, %esi
  movl %esi, %eax
  andl $15, %eax
  movb A(digits)(%rax), %al
  outb %al, $0xE9
  loop 2b
  movb $10, %al
  outb %al, $0xE9
  addq $4, %rbx
  jmp 1b
4:
  ret
digits:
  .ascii "0123456789ABCDEF"
  .balign 4
reported:
  .long STARTED, IDENTITIES, LOCKED_SUM, GUARDED_SUM, TIME_ERRORS, QUIET, NMIS, SHOOTDOWNS
  .long CODE_CALLS, WOKEN, ERRORS, RESTARTS, X2_INTERRUPTS, 0
multiprocessor_guest_end:

  .section .note.GNU-stack, "", @progbits

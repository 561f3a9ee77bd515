#if defined(__x86_64__)
// What a kernel can do wrong, a function each. `WAY` is 0 for doing it right.

#define BASE 0x100000
#define A(x) ((x) - faulty_guest_start + BASE)

// The data segment.
#define IDT 0x400000
#define TICKS 0x401000
#define SHARED 0x401040
#define HEAP_NEXT 0x401080
#define LOCK_A 0x4010C0
#define LOCK_B 0x401100
#define CODE_COPY 0x402000
#define STACK_TOP 0x404000
#define HEAP 0x408000
// Elsewhere.
#define TABLES 0x600000

#define APIC 0xFEE00000
#define VECTOR 0x40
#define WAY A(way)

// Ends an interrupt.
  .macro end_interrupt
  pushq %rax
  movl $APIC + 0xB0, %eax
  movl $0, (%rax)
  popq %rax
  .endm

  .section .rodata.faulty_guest, "a", @progbits
  .globl faulty_guest_start
  .globl faulty_guest_end
  .balign 16
  .code64
faulty_guest_start:
  jmp start
  .balign 8
subject:
  .long 0
way:
  .long 0
idt_pointer:
  .word 0xFFF
  .quad IDT
subjects:
  .long A(test_stack), A(test_eoi), A(test_interrupts), A(test_write), A(test_execute)
  .long A(test_mapping), A(test_heap), A(test_locks), A(test_race), A(test_torture)

start:
  cli
  movl $STACK_TOP, %esp
  xorl %ebp, %ebp
  movl A(subject), %eax
  movl A(subjects)(, %rax, 4), %eax
  call *%rax
  jmp leave
// Ends the run with a status of 0.
leave:
  xorl %eax, %eax
  outb %al, $0xF4
1: jmp 1b
// Ends it with a status of 1.
fail:
  movb $1, %al
  outb %al, $0xF4
1: jmp 1b

// Has the APIC's timer interrupt every EDI nanoseconds, with RSI as the handler.
set_timer:
  movl $IDT + VECTOR * 16, %edx
  movq %rsi, %rax
  movw %ax, (%rdx)
  movw %cs, 2(%rdx)
  movw $0x8E00, 4(%rdx)
  shrq $16, %rax
  movw %ax, 6(%rdx)
  movq $0, 8(%rdx)
  lidt A(idt_pointer)
  movl $APIC, %edx
  movl $0x1FF, 0xF0(%rdx)
  movl $0xB, 0x3E0(%rdx)
  movl $0x20000 | VECTOR, 0x320(%rdx)
  movl %edi, 0x380(%rdx)
  ret
set_timer_end:

// Waits for EDI ticks, or for a while.
wait_ticks:
  movl $1000000, %ecx
1: cmpl %edi, TICKS
  jae 2f
  loop 1b
2: ret

test_stack:
  movl $10, %edi
  cmpl $0, WAY
  je 1f
  movl $100, %edi
1: jmp recurse
test_stack_end:
recurse:
  pushq %rbp
  movq %rsp, %rbp
  subq $64, %rsp
  decl %edi
  jz 1f
  call recurse
1: leave
  ret
recurse_end:

tick:
  incl TICKS
  cmpl $0, WAY
  jne 1f
  end_interrupt
1: iretq
tick_end:
test_eoi:
  movl $20000, %edi
  movl $A(tick), %esi
  call set_timer
  sti
  movl $3, %edi
  call wait_ticks
  cli
  ret
test_eoi_end:

test_interrupts:
  sti
  nop
  cli
  movl $100, %ecx
  cmpl $0, WAY
  je 1f
  movl $300000, %ecx
1: loop 1b
  pushq $0x202
  popfq
  ret
test_interrupts_end:

test_write:
  movl $A(victim), %edi
  cmpl $0, WAY
  jne 1f
  movl $CODE_COPY, %edi
1: movb $0xC3, (%rdi)
  call victim
  ret
test_write_end:
victim:
  ret
victim_end:

test_execute:
  movb $0xC3, CODE_COPY
  movl $CODE_COPY, %eax
  cmpl $0, WAY
  jne 1f
  movl $A(victim), %eax
1: call *%rax
  ret
test_execute_end:

right_tick:
  incl TICKS
  end_interrupt
  iretq
right_tick_end:

// Maps 4 GiB to themselves: the first 2 MiB are code, the others data. Bit 0 of the way lets
// applications in, bit 1 lets code be written.
test_mapping:
  movl $0xC0000080, %ecx
  rdmsr
  orl $0x800, %eax
  wrmsr
  movl WAY, %ebx
  andl $1, %ebx
  shll $2, %ebx
  leal TABLES + 0x1003(%rbx), %eax
  movq %rax, TABLES
  movl $TABLES + 0x1000, %edi
  leal TABLES + 0x2003(%rbx), %eax
  movl $4, %ecx
1: movq %rax, (%rdi)
  addl $0x1000, %eax
  addl $8, %edi
  loop 1b
  movl $TABLES + 0x2000, %edi
  movabsq $0x8000000000000083, %rax
  orq %rbx, %rax
  movl $2048, %ecx
2: movq %rax, (%rdi)
  addq $0x200000, %rax
  addl $8, %edi
  loop 2b
  movl WAY, %eax
  andl $2, %eax
  leal 0x81(%rax, %rbx), %eax
  movq %rax, TABLES + 0x2000
  movl $TABLES, %eax
  movq %rax, %cr3
  movl $20000, %edi
  movl $A(right_tick), %esi
  call set_timer
  sti
  movl $2, %edi
  call wait_ticks
  cli
  ret
test_mapping_end:

// Allocates EDI bytes and never takes them back.
kmalloc:
  movl HEAP_NEXT, %eax
  leal 8(%rax, %rdi), %ecx
  addl $15, %ecx
  andl $-16, %ecx
  movl %ecx, HEAP_NEXT
  movl %edi, HEAP(%rax)
  leaq HEAP + 8(%rax), %rax
  ret
kmalloc_end:
kfree:
  movl $-1, -8(%rdi)
  ret
kfree_end:

// 1 reads what is freed, 2 frees it again, 3 writes behind it, 4 reads what nobody has written.
test_heap:
  pushq %rbp
  movq %rsp, %rbp
  movl $24, %edi
  call kmalloc
  movq %rax, %rbx
  movl $40, %edi
  call kmalloc
  movq %rax, %r12
  // A copy carries along what nobody has written.
  subq $24, %rsp
  movq %rbx, %rsi
  movq %rsp, %rdi
  movl $24, %ecx
  rep movsb
  cmpl $4, WAY
  jne 1f
  movq 16(%rbx), %rax
1: movl $3, %ecx
  movq %rbx, %rdi
  xorl %eax, %eax
  rep stosq
  movq 16(%rbx), %rax
  cmpl $3, WAY
  jne 2f
  movb $1, 24(%rbx)
2: movq $5, (%r12)
  movq (%r12), %rax
  movq %rbx, %rdi
  call kfree
  cmpl $1, WAY
  jne 3f
  movl 4(%rbx), %eax
3: cmpl $2, WAY
  jne 4f
  movq %rbx, %rdi
  call kfree
4: movq %r12, %rdi
  call kfree
  leave
  ret
test_heap_end:

spin_lock:
  movl $1, (%rdi)
  ret
spin_lock_end:
spin_unlock:
  movl $0, (%rdi)
  ret
spin_unlock_end:
schedule:
  nop
  ret
schedule_end:
lock_tick:
  pushq %rdi
  incl TICKS
  movl $LOCK_A, %edi
  call spin_lock
  call spin_unlock
  end_interrupt
  popq %rdi
  iretq
lock_tick_end:
take_a_b:
  movl $LOCK_A, %edi
  call spin_lock
  movl $LOCK_B, %edi
  call spin_lock
  call spin_unlock
  movl $LOCK_A, %edi
  jmp spin_unlock
take_a_b_end:
take_b_a:
  movl $LOCK_B, %edi
  call spin_lock
  movl $LOCK_A, %edi
  call spin_lock
  call spin_unlock
  movl $LOCK_B, %edi
  jmp spin_unlock
take_b_a_end:

// 1 takes locks the other way round, 2 takes one twice, 3 sleeps with one, 4 takes one with
// interrupts on that handlers take.
test_locks:
  call take_a_b
  call take_a_b
  call schedule
  cmpl $1, WAY
  jne 1f
  call take_b_a
1: movl $LOCK_B, %edi
  call spin_lock
  cmpl $2, WAY
  jne 2f
  call spin_lock
2: cmpl $3, WAY
  jne 3f
  call schedule
3: movl $LOCK_B, %edi
  call spin_unlock
  movl $20000, %edi
  movl $A(lock_tick), %esi
  call set_timer
  sti
  movl $1, %edi
  call wait_ticks
  cmpl $4, WAY
  je 4f
  cli
4: call take_a_b
  cli
  ret
test_locks_end:

count_tick:
  incl TICKS
  incl SHARED
  end_interrupt
  iretq
count_tick_end:
test_race:
  movl $20000, %edi
  movl $A(count_tick), %esi
  call set_timer
  sti
1: cmpl $0, WAY
  jne 2f
  cli
2: incl SHARED
  sti
  cmpl $3, TICKS
  jb 1b
  cli
  ret
test_race_end:

// Adds to what the handler adds to, in three steps, and finds out whether that went well. The
// timer alone hits the few instructions in between only by accident.
test_torture:
  movl $3000000, %edi
  movl $A(count_tick), %esi
  call set_timer
  movl $400, %ebx
1: movl $500, %ecx
  sti
2: loop 2b
  cmpl $0, WAY
  jne 3f
  cli
3: movl SHARED, %eax
  addl $1, %eax
  nop
  movl %eax, SHARED
  sti
  decl %ebx
  jnz 1b
  cli
  movl TICKS, %eax
  addl $400, %eax
  cmpl %eax, SHARED
  jne fail
  ret
test_torture_end:
faulty_guest_end:

  .section .data.rel.ro.faulty_guest, "aw", @progbits
  .globl faulty_guest_functions
  .balign 8
faulty_guest_functions:
  .irp name, set_timer, test_stack, recurse, tick, test_eoi, test_interrupts, test_write, victim, \
    test_execute, right_tick, test_mapping, kmalloc, kfree, test_heap, spin_lock, spin_unlock, \
    schedule, lock_tick, take_a_b, take_b_a, test_locks, count_tick, test_race, test_torture
  .quad 1f, \name, \name\()_end
  .section .rodata.faulty_guest_names, "a", @progbits
1: .asciz "\name"
  .section .data.rel.ro.faulty_guest, "aw", @progbits
  .endr
  .quad 0, 0, 0
#endif
  .section .note.GNU-stack, "", @progbits

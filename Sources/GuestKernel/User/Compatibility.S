// 32-bit code inside a 64-bit program: the way there and back, and what such code is good for here. It runs
// in compatibility mode, where segments have bases and limits. Its code and stack lie below 4 GiB.
  .section .text.compatibility, "ax"
  .globl compat_call
compat_call:                   // (RDI: 32-bit code, RSI: top of its stack, EDX: its EAX); returns its EAX
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, -24(%rsi)         // nothing but the low halves of eight registers comes back for certain
  leaq compat_return(%rip), %rax
  movl %eax, -16(%rsi)         // the far pointer that 32-bit code returns by
  movl $0x2b, -12(%rsi)
  leaq -24(%rsi), %rsp
  movl %edx, %eax
  movl %edi, -8(%rsp)          // a far pointer: not for LRET, which QEMU 7.2 lets read the stack as ring 0
  movw $0x1b, -4(%rsp)         // would, and SMAP forbids that; 1Bh is the 32-bit code segment
  ljmpl *-8(%rsp)
compat_return:
  movl %esp, %esp
  movq (%rsp), %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  movl %eax, %eax
  ret

  // The same call numbers by INT 80h from 64-bit code, arguments as for SYSCALL.
  .globl call_by_interrupt
call_by_interrupt:             // (number, a, b, c)
  movq %rdi, %rax
  movq %rsi, %rdi
  movq %rdx, %rsi
  movq %rcx, %rdx
  int $0x80
  ret

  .code32
  // Where the label 1 that follows is, wherever the program is.
  .macro ADDRESS_OF_1 register
  call .Lhere\@
.Lhere\@:
  popl \register
  addl $1f - .Lhere\@, \register
  .endm
  .globl compat_interrupt, compat_sysenter, compat_step, compat_probe, compat_loop_sysenter
compat_interrupt:              // EAX: a system call without arguments
  int $0x80
  ljmpl *8(%esp)

compat_sysenter:
  movl %esp, %ecx
  ADDRESS_OF_1 %edx
  sysenter
1: ljmpl *8(%esp)

compat_step:                   // the same with the trap flag set: SYSENTER does not clear it
  movl %esp, %ecx
  ADDRESS_OF_1 %edx
  pushfl
  orl $0x100, (%esp)
  popfl
  sysenter
1: ljmpl *8(%esp)

compat_loop_sysenter:          // EAX times getpid
  movl %eax, %ebx
  ADDRESS_OF_1 %esi
2: movl $39, %eax
  movl %esp, %ecx
  movl %esi, %edx
  sysenter
1: decl %ebx
  jnz 2b
  ljmpl *8(%esp)

compat_probe:                  // EAX: an offset in the segment of entry 0 of the local table; the word there
  movl $0x07, %ecx
  movw %cx, %es
  movl %es:(%eax), %eax
  ljmpl *8(%esp)
  .code64
  .section .note.GNU-stack, "", @progbits

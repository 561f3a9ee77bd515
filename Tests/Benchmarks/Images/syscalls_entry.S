// The ways into ring 0 and back of syscalls.c.

  .text
// RAX number, RDI RSI RDX arguments; system_call takes them as RDI RSI RDX RCX.
  .globl syscall_entry
syscall_entry:
  swapgs
  movq %rsp, %gs:8
  movq %gs:0, %rsp
  pushq %gs:8                  // kept on the task's own stack: another task may run before we return
  pushq %rcx
  pushq %r11
  subq $8, %rsp
  movq %rdx, %rcx
  movq %rsi, %rdx
  movq %rdi, %rsi
  movq %rax, %rdi
  call system_call
  addq $8, %rsp
  popq %r11
  popq %rcx
  popq %rsp
  swapgs
  sysretq

  .globl int80_entry
int80_entry:
  swapgs
  pushq %rcx
  pushq %r11
  subq $8, %rsp
  movq %rdx, %rcx
  movq %rsi, %rdx
  movq %rdi, %rsi
  movq %rax, %rdi
  call system_call
  addq $8, %rsp
  popq %r11
  popq %rcx
  swapgs
  iretq

// switch_stacks(RDI: where to save RSP, RSI: RSP to continue with)
  .globl switch_stacks
switch_stacks:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret

// A new task's stack holds program's argument and its stack pointer in ring 3. A task is first
// entered with the kernel's GS base in place, except the very first: both then leave by SYSRET
// with the user's, so the base is set rather than swapped.
  .globl enter_ring3
enter_ring3:
  popq %rdi
  popq %rsi
  movl $0xc0000101, %ecx       // IA32_GS_BASE: ring 3's, zero
  xorl %eax, %eax
  xorl %edx, %edx
  wrmsr
  movl $0xc0000102, %ecx       // IA32_KERNEL_GS_BASE
  leaq processor(%rip), %rax
  movq %rax, %rdx
  shrq $32, %rdx
  wrmsr
  movq %rsi, %rsp
  leaq program(%rip), %rcx
  movl $2, %r11d
  sysretq

  .section .note.GNU-stack, "", @progbits

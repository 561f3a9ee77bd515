// A module needs no language: two hooks, a parameter, and a call of a kernel function by its C name.
  .section .text.beat, "ax"
  .globl module_init, module_exit
  .type module_init, @function
module_init:
  pushq %rbp
  movq %rsp, %rbp
  pushq %rbx
  pushq %r12
  movq beats(%rip), %rbx
  xorl %r12d, %r12d            // the last reading: the counter must never step back
1: testq %rbx, %rbx
  jz 2f
  rdtsc
  shlq $32, %rdx
  orq %rdx, %rax
  cmpq %r12, %rax
  jb 3f
  movq %rax, %r12
  decq %rbx
  jmp 1b
2: leaq came(%rip), %rdi
  call kernel_log
  xorl %eax, %eax
  jmp 4f
3: movl $-5, %eax              // EIO
4: popq %r12
  popq %rbx
  popq %rbp
  ret
  .size module_init, . - module_init

  .type module_exit, @function
module_exit:
  pushq %rbp
  movq %rsp, %rbp
  leaq went(%rip), %rdi
  call kernel_log
  popq %rbp
  ret
  .size module_exit, . - module_exit

  .section .rodata.beat, "a"
came: .asciz "the counter beats, and never steps back"
went: .asciz "no more beats"

  .section .data.beat, "aw"
  .balign 8
  .globl beats
  .type beats, @object
  .size beats, 8
beats: .quad 100
  .section .note.GNU-stack, "", @progbits

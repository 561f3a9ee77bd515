// Loads a HostState into the processor by IRETQ, which also serialises after the code was written.
#if defined(__x86_64__) && defined(__linux__)
  .text
  .globl host_cpu_enter
  .hidden host_cpu_enter
  .type host_cpu_enter, @function
host_cpu_enter:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, host_cpu_saved_stack(%rip)
  fxrstor64 160(%rdi)
  movq 144(%rdi), %rax
  wrfsbase %rax
  movq 152(%rdi), %rax
  wrgsbase %rax
  movl %ss, %eax
  pushq %rax
  pushq 32(%rdi)
  pushq 136(%rdi)
  movl %cs, %eax
  pushq %rax
  pushq 128(%rdi)
  movq 0(%rdi), %rax
  movq 8(%rdi), %rcx
  movq 16(%rdi), %rdx
  movq 24(%rdi), %rbx
  movq 40(%rdi), %rbp
  movq 48(%rdi), %rsi
  movq 64(%rdi), %r8
  movq 72(%rdi), %r9
  movq 80(%rdi), %r10
  movq 88(%rdi), %r11
  movq 96(%rdi), %r12
  movq 104(%rdi), %r13
  movq 112(%rdi), %r14
  movq 120(%rdi), %r15
  movq 56(%rdi), %rdi
  iretq

// Returns from host_cpu_enter; reached from a signal handler, which it abandons.
  .globl host_cpu_leave
  .hidden host_cpu_leave
  .type host_cpu_leave, @function
host_cpu_leave:
  movq host_cpu_saved_stack(%rip), %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret

// The signal handlers' entry: the case's AC, NT and DF must not reach C.
  .globl host_cpu_signal
  .hidden host_cpu_signal
  .type host_cpu_signal, @function
host_cpu_signal:
  pushq $0x202
  popfq
  jmp host_cpu_signal_body

  .bss
  .align 8
host_cpu_saved_stack:
  .quad 0
#endif
  .section .note.GNU-stack,"",@progbits

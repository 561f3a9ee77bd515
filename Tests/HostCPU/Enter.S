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
  cmpl $0, host_cpu_has_avx(%rip)
  je 1f
  vinsertf128 $1, 672(%rdi), %ymm0, %ymm0
  vinsertf128 $1, 688(%rdi), %ymm1, %ymm1
  vinsertf128 $1, 704(%rdi), %ymm2, %ymm2
  vinsertf128 $1, 720(%rdi), %ymm3, %ymm3
  vinsertf128 $1, 736(%rdi), %ymm4, %ymm4
  vinsertf128 $1, 752(%rdi), %ymm5, %ymm5
  vinsertf128 $1, 768(%rdi), %ymm6, %ymm6
  vinsertf128 $1, 784(%rdi), %ymm7, %ymm7
  vinsertf128 $1, 800(%rdi), %ymm8, %ymm8
  vinsertf128 $1, 816(%rdi), %ymm9, %ymm9
  vinsertf128 $1, 832(%rdi), %ymm10, %ymm10
  vinsertf128 $1, 848(%rdi), %ymm11, %ymm11
  vinsertf128 $1, 864(%rdi), %ymm12, %ymm12
  vinsertf128 $1, 880(%rdi), %ymm13, %ymm13
  vinsertf128 $1, 896(%rdi), %ymm14, %ymm14
  vinsertf128 $1, 912(%rdi), %ymm15, %ymm15
1:
  movzwl 928(%rdi), %eax
  movl %eax, %es
  movzwl 934(%rdi), %eax
  movl %eax, %ds
  movzwl 936(%rdi), %eax
  movl %eax, %fs
  movzwl 938(%rdi), %eax
  movl %eax, %gs
  cmpw $0x33, 930(%rdi)
  jne 2f
  movq 144(%rdi), %rax
  wrfsbase %rax
  movq 152(%rdi), %rax
  wrgsbase %rax
2:
  movzwl 932(%rdi), %eax
  pushq %rax
  pushq 32(%rdi)
  pushq 136(%rdi)
  movzwl 930(%rdi), %eax
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
  .globl host_cpu_has_avx
  .hidden host_cpu_has_avx
  .align 8
host_cpu_has_avx:
  .quad 0
host_cpu_saved_stack:
  .quad 0
#endif
  .section .note.GNU-stack,"",@progbits

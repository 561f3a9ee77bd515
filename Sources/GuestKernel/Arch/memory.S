// Memory primitives. In assembly, so that the compiler cannot turn their loops into calls of themselves.
  .text
  .globl memcpy, memmove, memset, memcmp, strlen
  .type memcpy, @function
memcpy:
  movq %rdi, %rax
  movq %rdx, %rcx
  shrq $3, %rcx
  rep movsq
  movl %edx, %ecx
  andl $7, %ecx
  rep movsb
  ret
  .size memcpy, . - memcpy

  .type memmove, @function
memmove:
  movq %rdi, %rcx
  subq %rsi, %rcx
  cmpq %rdx, %rcx              // does the destination start inside the source?
  jae memcpy
  movq %rdi, %rax
  movq %rdx, %rcx
  leaq -1(%rdi,%rdx), %rdi
  leaq -1(%rsi,%rdx), %rsi
  std
  rep movsb
  cld
  ret
  .size memmove, . - memmove

  .type memset, @function
memset:
  movq %rdi, %r8
  movzbl %sil, %eax
  movabsq $0x0101010101010101, %rcx
  imulq %rcx, %rax
  movq %rdx, %rcx
  shrq $3, %rcx
  rep stosq
  movl %edx, %ecx
  andl $7, %ecx
  rep stosb
  movq %r8, %rax
  ret
  .size memset, . - memset

  .type memcmp, @function
memcmp:
  movq %rdx, %rcx
  xorl %eax, %eax
  cmpq %rax, %rcx              // equal when the count is zero
  repe cmpsb
  je 1f
  movzbl -1(%rdi), %eax
  movzbl -1(%rsi), %ecx
  subl %ecx, %eax
1: ret
  .size memcmp, . - memcmp

  .type strlen, @function
strlen:
  xorl %eax, %eax
1: cmpb $0, (%rdi,%rax)
  je 2f
  incq %rax
  jmp 1b
2: ret
  .size strlen, . - strlen

  // The only instructions that touch user memory: SMAP is lifted around them, and a fault in the copy
  // continues at the fixup, which reports that something was left.
  .globl user_copy
  .type user_copy, @function
user_copy:
  cmpb $0, smap_enabled(%rip)
  je 1f
  stac
1: movq %rdx, %rcx
  shrq $3, %rcx
2: rep movsq
  movl %edx, %ecx
  andl $7, %ecx
3: rep movsb
4: cmpb $0, smap_enabled(%rip)
  je 5f
  clac
5: movq %rcx, %rax
  ret
  .size user_copy, . - user_copy
  .section .fixups, "a"
  .balign 8
  .quad 2b, 4b
  .quad 3b, 4b

  // swiftc reserves these two names for its runtime, so Swift defines kernel_*.
  .text
  .globl posix_memalign, free, putchar
posix_memalign: jmp kernel_memalign
free: jmp kernel_free
putchar: jmp kernel_putchar
  .section .note.GNU-stack, "", @progbits

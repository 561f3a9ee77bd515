// A program's first instructions, and the memory primitives that compiled code calls.
  .set LINKED, 0x400000        // user.ld
  .text
  .globl _start
_start:                        // RSP: argc, then argv
  xorl %ebp, %ebp
  leaq _start(%rip), %rax      // in the program's first page
  andq $-4096, %rax
  subq $LINKED, %rax
  jnz relocate                 // the kernel was told `kaslr`
start_relocated:
  movq %rsp, initial_stack_pointer(%rip)
  andq $-16, %rsp
  call main                    // of the type marked @main; it ends the process
  ud2

  // Adds RAX to each address in memory. They are listed as the address of one, then bit maps, whose lowest
  // bit is 1, of the 63 words behind it each. See "Relative Relocation Table" in the System V ABI.
relocate:
  leaq relr_start(%rip), %rsi
  leaq relr_end(%rip), %rdi
1: cmpq %rdi, %rsi
  jae start_relocated
  movq (%rsi), %rcx
  addq $8, %rsi
  testb $1, %cl
  jnz 2f
  leaq (%rcx,%rax), %rdx
  addq %rax, (%rdx)
  addq $8, %rdx
  jmp 1b
2: movq %rdx, %r8
  addq $63*8, %rdx
3: shrq %rcx
  jz 1b
  testb $1, %cl
  jz 4f
  addq %rax, (%r8)
4: addq $8, %r8
  jmp 3b

  // thread_create(flags, stack top, parent word, child word, function, argument)
  .globl thread_create
thread_create:
  subq $16, %rsi               // function and argument travel on the new stack
  movq %r8, (%rsi)
  movq %r9, 8(%rsi)
  movq %rcx, %r10
  xorl %r8d, %r8d
  movl $56, %eax               // clone
  syscall
  testq %rax, %rax
  jz 1f
  ret
1: xorl %ebp, %ebp             // the new thread
  popq %rax
  popq %rdi
  call *%rax
  xorl %edi, %edi
  movl $60, %eax               // exit, of this thread only
  syscall
  ud2

  // switch_stack(where to keep the old stack pointer, the new one)
  .globl switch_stack
switch_stack:
  pushq %rbp
  pushq %rbx
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
  popq %rbx
  popq %rbp
  ret

  // Where a signal handler returns to.
  .globl signal_return
signal_return:
  movl $15, %eax               // rt_sigreturn
  syscall
  ud2

  .globl memcpy, memmove, memset, memcmp
memcpy:
  movq %rdi, %rax
  movq %rdx, %rcx
  rep movsb
  ret
memmove:
  movq %rdi, %rcx
  subq %rsi, %rcx
  cmpq %rdx, %rcx
  jae memcpy
  movq %rdi, %rax
  movq %rdx, %rcx
  leaq -1(%rdi,%rdx), %rdi
  leaq -1(%rsi,%rdx), %rsi
  std
  rep movsb
  cld
  ret
memset:
  movq %rdi, %r8
  movl %esi, %eax
  movq %rdx, %rcx
  rep stosb
  movq %r8, %rax
  ret
memcmp:
  movq %rdx, %rcx
  xorl %eax, %eax
  cmpq %rax, %rcx
  repe cmpsb
  je 1f
  movzbl -1(%rdi), %eax
  movzbl -1(%rsi), %ecx
  subl %ecx, %eax
1: ret

  // swiftc reserves these two names for its runtime, so Swift defines user_*.
  .globl posix_memalign, free
posix_memalign: jmp user_memalign
free: jmp user_free
  .bss
  .balign 8
  .globl initial_stack_pointer
initial_stack_pointer: .skip 8
  .section .note.GNU-stack, "", @progbits

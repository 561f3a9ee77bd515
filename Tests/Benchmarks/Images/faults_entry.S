// The exception handler's frame, and the way to ring 3 and back, of faults.c.

  .text
  .globl page_fault_entry
page_fault_entry:
  pushq %rax
  pushq %rcx
  pushq %rdx
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  subq $8, %rsp
  movq 80(%rsp), %rdi          // the error code
  call page_fault
  addq $8, %rsp
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rdi
  popq %rsi
  popq %rdx
  popq %rcx
  popq %rax
  addq $8, %rsp                // drops the error code
  iretq

// run_in_ring3(RDI: function, RSI: its argument, RDX: its stack)
  .globl run_in_ring3
run_in_ring3:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, saved_stack(%rip)
  pushq $0x1b                  // SS
  pushq %rdx                   // RSP
  pushq $2                     // RFLAGS
  pushq $0x23                  // CS
  pushq %rdi                   // RIP
  movq %rsi, %rdi
  iretq

// INT 81h: the program has ended; drop its frame and return to run_in_ring3's caller.
  .globl end_entry
end_entry:
  movq saved_stack(%rip), %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret

  .bss
  .balign 8
saved_stack: .skip 8

  .section .note.GNU-stack, "", @progbits

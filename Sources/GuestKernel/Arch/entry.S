// Every way into the kernel and back: exceptions, interrupts, SYSCALL, and the switch between threads.
//
// GS: the kernel's base is in GS only for the three instructions at syscall_entry that find the kernel
// stack; at all other times GS is the user's. So no handler, not even of an NMI, has to ask whose it is.

  .cfi_sections .debug_frame
  .macro PUSH_REGISTERS
  pushq %rax
  pushq %rbx
  pushq %rcx
  pushq %rdx
  pushq %rsi
  pushq %rdi
  pushq %rbp
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  .endm
  .macro POP_REGISTERS
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rbp
  popq %rdi
  popq %rsi
  popq %rdx
  popq %rcx
  popq %rbx
  popq %rax
  .endm
  // Where the interrupted registers are: lets a debugger unwind through the frame.
  .macro FRAME_CFI
  .cfi_signal_frame
  .cfi_def_cfa %rsp, 22*8
  .cfi_offset %rip, -5*8
  .cfi_offset %rsp, -2*8
  .cfi_offset %rax, -8*8
  .cfi_offset %rbx, -9*8
  .cfi_offset %rcx, -10*8
  .cfi_offset %rdx, -11*8
  .cfi_offset %rsi, -12*8
  .cfi_offset %rdi, -13*8
  .cfi_offset %rbp, -14*8
  .cfi_offset %r12, -19*8
  .cfi_offset %r13, -20*8
  .cfi_offset %r14, -21*8
  .cfi_offset %r15, -22*8
  .endm

  .text
  .balign 16
  .globl isr_stubs
  .type isr_stubs, @function
isr_stubs:                     // the stub of vector n is at isr_stubs + 16 n
  .set n, 0
  .rept 256
  .balign 16
  .if !(n == 8 || (n >= 10 && n <= 14) || n == 17 || n == 21 || n == 29 || n == 30)
  pushq $0                     // the processor pushes no error code here
  .endif
  pushq $n
  jmp isr_common
  .set n, n + 1
  .endr
  .size isr_stubs, . - isr_stubs

  .type isr_common, @function
isr_common:
  .cfi_startproc
  .cfi_signal_frame
  .cfi_def_cfa %rsp, 7*8
  .cfi_offset %rip, -5*8
  .cfi_offset %rsp, -2*8
  PUSH_REGISTERS
  FRAME_CFI
  cld
  cmpb $0, smap_enabled(%rip)  // the interrupted code may have had AC set
  je 1f
  clac
1: movq %rsp, %rdi
  call interrupt_dispatch
  .globl ret_to_user
ret_to_user:
  POP_REGISTERS
  addq $16, %rsp
  iretq
  .cfi_endproc
  .size isr_common, . - isr_common

  .globl syscall_entry
  .type syscall_entry, @function
syscall_entry:                 // IF, DF, TF, NT and AC are cleared by IA32_FMASK
  .cfi_startproc
  .cfi_signal_frame
  swapgs
  movq %rsp, %gs:8
  movq %gs:0, %rsp
  pushq $0x23                  // SS
  pushq %gs:8                  // the user's RSP
  swapgs
  pushq %r11                   // RFLAGS
  pushq $0x2b                  // CS
  pushq %rcx                   // RIP
  pushq $0
  pushq $0x100                 // no vector: a system call
  PUSH_REGISTERS
  FRAME_CFI
  movq %rsp, %rdi
  call syscall_dispatch
  POP_REGISTERS
  movq 16(%rsp), %rcx          // RIP, always canonical: user space ends below the kernel's half
  movq 32(%rsp), %r11          // RFLAGS
  movq 40(%rsp), %rsp
  sysretq
  .cfi_endproc
  .size syscall_entry, . - syscall_entry

  .globl switch_context
  .type switch_context, @function
switch_context:                // (RDI: where to keep the old RSP, RSI: the new RSP)
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
  .size switch_context, . - switch_context

  .globl thread_start
  .type thread_start, @function
thread_start:                  // a kernel thread's first instructions: R12 is its function
  .cfi_startproc
  .cfi_undefined %rip
  sti
  call *%r12
  call kernel_thread_end
  ud2
  .cfi_endproc
  .size thread_start, . - thread_start

  .bss
  .balign 16
  .globl gdt_table, idt_table, tss0, percpu0
gdt_table: .skip 8*8
idt_table: .skip 256*16
tss0:      .skip 112
percpu0:   .skip 16
  .balign 16
  .globl early_heap, early_heap_end
early_heap: .skip 98304
early_heap_end:

  // Each stack stands on a page that the kernel's page tables leave out.
  .macro STACK name, size
  .globl \name\()_guard, \name\()_top
\name\()_guard: .skip 4096
  .skip \size
\name\()_top:
  .endm
  .section .bss.stacks, "aw", @nobits
  .balign 4096
  STACK idle_stack, 16384
  STACK double_fault_stack, 16384
  STACK nmi_stack, 8192
  STACK machine_check_stack, 8192

  .data
  .globl smap_enabled
smap_enabled: .byte 0
  .section .note.GNU-stack, "", @progbits

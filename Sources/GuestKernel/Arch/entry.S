// Every way into the kernel and back: exceptions, interrupts, SYSCALL, and the switch between threads.
//
// GS: in the kernel its base is always this processor's area (percpu_t), in ring 3 the program's. Each
// entry from ring 3 exchanges the two by SWAPGS, each return exchanges them back. An NMI, a machine
// check or a double fault may strike between an entry and its SWAPGS: their entry, isr_paranoid, looks
// at the base itself, which belongs to the kernel when it lies above all programs.
//
// CR3: with `pti=on` (see Isolation) ring 3 runs on page tables that have nothing of the kernel but the
// section .text.entry, the interrupt gates and each processor's entry page, right below its area. Until an
// entry has loaded the kernel's root, and after a return has loaded the program's, only these may be
// touched. So the processor pushes its frame onto a small stack in the entry page, and it is moved from
// there. user_root is 0 where ring 3 has the same page tables as the kernel.

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
  .macro CLAC_IF_SMAP
  cmpb $0, smap_enabled(%rip)
  je .Lclac\@
  clac
.Lclac\@:
  .endm
  .set FRAME_RIP, 17*8         // offsets in trap_frame
  .set FRAME_CS, 18*8
  .set PERCPU_KERNEL_RSP, 8    // offsets in percpu_t
  .set PERCPU_EXCEPTION_STACKS, 8 // by number, of which the first is 1
  .set PERCPU_NMI, 48
// Offsets in entry_area_t, seen from percpu_t; not by .set, which would make symbols of them.
#define ENTRY_USER_RSP -4096
#define ENTRY_KERNEL_ROOT -4088
#define ENTRY_USER_ROOT -4080
#define ENTRY_KEEP_BIT -4072
  // RSP, which has nothing to lose yet, takes part in the change to the kernel's page tables.
  .macro LOAD_KERNEL_ROOT
  cmpq $0, %gs:ENTRY_USER_ROOT
  je .Lroot\@
  movq %gs:ENTRY_KERNEL_ROOT, %rsp
  movq %rsp, %cr3
.Lroot\@:
  .endm
  // What was to be forgotten is: from the next return on the translations are kept, where they are tagged.
  .macro LOAD_USER_ROOT register
  movq %gs:ENTRY_USER_ROOT, \register
  movq \register, %cr3
  movq %gs:ENTRY_KEEP_BIT, \register
  orq \register, %gs:ENTRY_USER_ROOT
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

  .section .text.entry, "ax"
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
  .if n == 2 || n == 8 || n == 18
  jmp isr_paranoid
  .elseif n == 1
  jmp isr_debug
  .else
  jmp isr_common
  .endif
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
  testb $3, 24(%rsp)           // CS
  jz 3f
1: swapgs
  cmpq $0, %gs:ENTRY_USER_ROOT
  jne isr_move
isr_entered:
  .cfi_remember_state
  PUSH_REGISTERS
  FRAME_CFI
  cld
  CLAC_IF_SMAP                 // the interrupted code may have had AC set
  movq %rsp, %rdi
  call interrupt_dispatch
  .globl interrupt_return
interrupt_return:              // interrupts are off
  testb $3, FRAME_CS(%rsp)
  jz 2f
  cmpq $0, %gs:ENTRY_USER_ROOT
  jne isr_leave
  swapgs
2: POP_REGISTERS
  addq $16, %rsp
  .globl iret_instruction
iret_instruction:
  iretq
  .cfi_restore_state
3: pushq %rax                  // an IRETQ to ring 3 that faults does so in ring 0, with the user's GS
  leaq iret_instruction(%rip), %rax
  cmpq %rax, 24(%rsp)          // and CR3
  popq %rax
  je 1b
  jmp isr_entered

isr_move:                      // from a stack of the entry page to the thread's, with the kernel's tables
  pushq %rax
  cmpq $0, %gs:ENTRY_USER_ROOT
  je 4f
  movq %gs:ENTRY_KERNEL_ROOT, %rax
  movq %rax, %cr3
4: movq %gs:PERCPU_KERNEL_RSP, %rax
  .set i, 1
  .rept 7                      // SS, RSP, RFLAGS, CS, RIP, error code, vector
  pushq (8 - i)*8(%rsp)
  popq -8*i(%rax)
  .set i, i + 1
  .endr
  pushq (%rsp)
  popq -64(%rax)
  leaq -64(%rax), %rsp
  popq %rax
  jmp isr_entered

isr_leave:                     // to ring 3, over the entry page's stack
  POP_REGISTERS
  movq %rdi, (%rsp)
  movq %rsp, %rdi
  movq %gs:0, %rsp             // percpu_t.self: the entry page ends there
  .set i, 6
  .rept 5                      // SS, RSP, RFLAGS, CS, RIP
  pushq 8*i(%rdi)
  .set i, i - 1
  .endr
  pushq (%rdi)
  LOAD_USER_ROOT %rdi
  popq %rdi
  swapgs
  jmp iret_instruction
  .cfi_endproc
  .size isr_common, . - isr_common

  // A debug exception has a stack of its own because of SYSENTER, which enters without a stack and leaves
  // TF on: it is taken before the kernel's first instruction. A program's goes on where all others are.
  .type isr_debug, @function
isr_debug:
  testb $3, 24(%rsp)
  jz isr_paranoid
  swapgs
  jmp isr_move
  .size isr_debug, . - isr_debug

  // NMI, double fault, machine check, and the kernel's own debug exceptions: whatever GS and CR3 were.
  // The word above the frame says which stack to go on with; the way back leads over the entry page again.
  //
  // An NMI's handler may meet an exception, and the IRETQ of that lets the next NMI in. It finds nmi not 0,
  // sets it to 2, and is gone: the first one then looks again. On the way back of the first it is served
  // itself, so its frame, which the processor always pushes at the same place, must not be where the first
  // returns from.
  .type isr_paranoid, @function
isr_paranoid:
  .cfi_startproc
  .cfi_signal_frame
  .cfi_def_cfa %rsp, 7*8
  .cfi_offset %rip, -5*8
  .cfi_offset %rsp, -2*8
  PUSH_REGISTERS
  FRAME_CFI
  cld
  movl $0xc0000101, %ecx       // IA32_GS_BASE
  rdmsr
  xorl %ebx, %ebx
  cmpl $0x4000, %edx           // the direct map begins at 0x4000_0000_0000: see Layout
  jae 1f
  swapgs
  incl %ebx
1: movq %cr3, %r12
  cmpq $0, %gs:ENTRY_USER_ROOT
  je 2f
  btl $12, %r12d               // of the two roots a program's is the odd frame
  jnc 2f
  movq %gs:ENTRY_KERNEL_ROOT, %rax
  movq %rax, %cr3
2: CLAC_IF_SMAP
  movq %rsp, %rsi
  cmpb $2, 15*8(%rsi)          // the vector
  jne 3f
  movl %gs:PERCPU_NMI, %ecx
  testl %ecx, %ecx
  setnz %cl
  incl %ecx
  movl %ecx, %gs:PERCPU_NMI
  cmpl $1, %ecx
  jne .Lisr_back
3: leaq -22*8(%rsi), %r13      // where to return from
  testb $3, FRAME_CS(%rsi)
  jnz 4f
  movq FRAME_RIP(%rsi), %rax
  leaq .Lisr_back(%rip), %rdx
  subq %rdx, %rax
  cmpq $.Lisr_back_end - .Lisr_back, %rax
  jae 4f
  movq 20*8(%rsi), %r13        // below what it has interrupted
  subq $22*8, %r13
4: movq 22*8(%rsi), %rax
  movq %gs:PERCPU_EXCEPTION_STACKS(,%rax,8), %rdi
  subq $22*8, %rdi
  movq %rdi, %rsp
  movl $22, %ecx
  rep movsq
  movq %rsp, %r14
5: movq %rsp, %rdi
  call paranoid_dispatch
  movq %rsp, %rsi
  movq %r13, %rdi
  movl $22, %ecx
  rep movsq
  movq %r13, %rsp
  cmpb $2, 15*8(%rsp)
  jne .Lisr_back
  decl %gs:PERCPU_NMI
  jz .Lisr_back
  movq %r14, %rsp              // another one came meanwhile
  jmp 5b
.Lisr_back:
  movq %cr3, %rax
  cmpq %rax, %r12
  je 6f
  movq %r12, %cr3
6: testl %ebx, %ebx
  jz 7f
  swapgs
7: POP_REGISTERS
  addq $16, %rsp
  iretq
.Lisr_back_end:
  .cfi_endproc
  .size isr_paranoid, . - isr_paranoid

  .globl syscall_entry
  .type syscall_entry, @function
syscall_entry:                 // IF, DF, TF, NT and AC are cleared by IA32_FMASK
  .cfi_startproc
  .cfi_signal_frame
  swapgs
  movq %rsp, %gs:ENTRY_USER_RSP
  LOAD_KERNEL_ROOT
  movq %gs:PERCPU_KERNEL_RSP, %rsp
  pushq $0x23                  // SS
  pushq %gs:ENTRY_USER_RSP
  pushq %r11                   // RFLAGS
  pushq $0x2b                  // CS
  pushq %rcx                   // RIP
  pushq $0
  pushq $0x100                 // no vector: a system call
  PUSH_REGISTERS
  FRAME_CFI
  movq %rsp, %rdi
  call syscall_dispatch        // returns with interrupts off
  testl %eax, %eax
  jnz interrupt_return         // RCX and R11 count too
  POP_REGISTERS
  movq 16(%rsp), %rcx          // RIP, always canonical: user space ends below the kernel's half
  movq 32(%rsp), %r11          // RFLAGS
  movq 40(%rsp), %rsp
  cmpq $0, %gs:ENTRY_USER_ROOT
  je 1f
  movq %rsp, %gs:ENTRY_USER_RSP
  LOAD_USER_ROOT %rsp
  movq %gs:ENTRY_USER_RSP, %rsp
1: swapgs
  sysretq
  .cfi_endproc
  .size syscall_entry, . - syscall_entry

  .globl sysenter_entry
  .type sysenter_entry, @function
sysenter_entry:                // from 32-bit code: ECX is its ESP and EDX its EIP, as SYSEXIT has them
  .cfi_startproc
  .cfi_signal_frame
  swapgs
  LOAD_KERNEL_ROOT
  movq %gs:PERCPU_KERNEL_RSP, %rsp
  movl %ecx, %ecx
  movl %edx, %edx
  pushq $0x23                  // SS
  pushq %rcx                   // RSP
  pushfq                       // IF is clear already; the return sets it
  orq $0x200, (%rsp)
  andq $0xffffffffffffaeff, (%rsp) // but not NT, and no IOPL, nor TF
  pushq $0x1b                  // CS
  pushq %rdx                   // RIP
  pushq $0
  pushq $0x101                 // no vector: SYSENTER
  pushq $2
  popfq                        // SYSENTER leaves TF, DF, NT and AC as they were
  PUSH_REGISTERS
  FRAME_CFI
  movq %rsp, %rdi
  call syscall_dispatch
  jmp interrupt_return
  .globl sysenter_entry_end
sysenter_entry_end:
  .cfi_endproc
  .size sysenter_entry, . - sysenter_entry

  .globl syscall_compat
  .type syscall_compat, @function
syscall_compat:                // SYSCALL in 32-bit code, where a processor knows it: there is no such call
  movl $-38, %eax              // ENOSYS
  sysretl
  .size syscall_compat, . - syscall_compat

  .text
  .balign 16
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

  .globl call_on_stack
  .type call_on_stack, @function
call_on_stack:                 // (RDI: a function, RSI: its argument, RDX: the top of another stack)
  .cfi_startproc
  pushq %rbp
  .cfi_def_cfa_offset 16
  .cfi_offset %rbp, -16
  movq %rsp, %rbp
  .cfi_def_cfa_register %rbp
  movq %rdx, %rsp
  movq %rdi, %rax
  movq %rsi, %rdi
  call *%rax
  movq %rbp, %rsp
  popq %rbp
  .cfi_def_cfa %rsp, 8
  ret
  .cfi_endproc
  .size call_on_stack, . - call_on_stack

  .globl thread_start
  .type thread_start, @function
thread_start:                  // a kernel thread's first instructions: R12 is its function
  .cfi_startproc
  .cfi_undefined %rip
  call thread_begin            // gives up the lock that the switch was made under
  sti
  call *%r12
  call kernel_thread_end
  ud2
  .cfi_endproc
  .size thread_start, . - thread_start

  .globl thread_start_user
  .type thread_start_user, @function
thread_start_user:             // a program's first instructions: the frame is above, as after an interrupt
  .cfi_startproc
  .cfi_undefined %rip
  call thread_begin
  jmp interrupt_return
  .cfi_endproc
  .size thread_start_user, . - thread_start_user

  .bss
  .globl idt_table, percpu0, percpu_table
  .balign 4096
idt_table: .skip 4096
  .skip 4096                   // the boot processor's entry page
percpu0:   .skip 1024          // and its area; the others' are allocated
percpu_table: .skip 64*8       // all areas, by index
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
  STACK debug_stack, 8192

  .data
  .globl smap_enabled
smap_enabled: .byte 0
  .section .note.GNU-stack, "", @progbits

// The first instructions of an application processor. A STARTUP interrupt makes it begin in real mode at
// a page below 1 MiB: this code is copied there, with page tables in the three pages behind it that map
// the first 2 MiB to themselves and everything else as the kernel has it. See Kernel/CPU/Processors.swift.
  .set BASE, 0x8000            // Layout.trampoline
  .set PML4, BASE + 0x1000

  .section .rodata.trampoline, "a"
  .globl trampoline_start, trampoline_end
  .balign 16
trampoline_start:
  .code16
  cli
  cld
  xorw %ax, %ax
  movw %ax, %ds
  lgdtl BASE + (gdtr - trampoline_start)
  movl %cr0, %eax
  orl  $1, %eax                // PE
  movl %eax, %cr0
  ljmpl $0x08, $BASE + (protected - trampoline_start)

  .code32
protected:
  movl $0x10, %eax
  movw %ax, %ds
  movw %ax, %es
  movw %ax, %ss
  movl %cr4, %eax
  orl  $0x6a0, %eax            // PAE, PGE, OSFXSR, OSXMMEXCPT: as boot.S
  movl %eax, %cr4
  movl $PML4, %eax
  movl %eax, %cr3
  movl $0xc0000080, %ecx       // IA32_EFER: SCE, LME, NXE
  rdmsr
  orl  $0x901, %eax
  wrmsr
  movl %cr0, %eax
  andl $0x9ffffffb, %eax       // EM = 0; CD and NW, which INIT has set, too
  orl  $0x80010022, %eax       // PG, WP, NE, MP
  movl %eax, %cr0
  ljmpl $0x18, $BASE + (long_mode - trampoline_start)

  .code64
long_mode:
  movl $0x10, %eax
  movw %ax, %ds
  movw %ax, %es
  movw %ax, %ss
  movl BASE + (area - trampoline_start), %eax
  movl BASE + (area - trampoline_start) + 4, %edx
  movl $0xc0000101, %ecx       // IA32_GS_BASE: from here on this processor knows who it is
  wrmsr
  movq BASE + (stack - trampoline_start), %rsp
  movq BASE + (entry - trampoline_start), %rax
  xorl %ebp, %ebp
  jmpq *%rax

  .balign 8
gdt:   .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdtr:  .word . - gdt - 1
  .long BASE + (gdt - trampoline_start)
  .balign 8
  .globl trampoline_area, trampoline_stack, trampoline_entry
trampoline_area:
area:  .quad 0                 // percpu_t
trampoline_stack:
stack: .quad 0
trampoline_entry:
entry: .quad 0
trampoline_end:

  .text
  .globl processor_start
  .type processor_start, @function
processor_start:               // on the stack of its idle thread, still with the page tables above
  .cfi_startproc
  .cfi_undefined %rip
  call processor_main
  ud2
  .cfi_endproc
  .size processor_start, . - processor_start
  // Where a checker outside sees that `demo race` has taken a lock (RDI) or gives it back: `--locks`.
  .globl race_lock, race_unlock
  .type race_lock, @function
race_lock:
  ret
  .size race_lock, . - race_lock
  .type race_unlock, @function
race_unlock:
  ret
  .size race_unlock, . - race_unlock

  .bss
  .balign 8                    // what `demo race` counts in
  .globl race_counter, race_counter_locked
  .type race_counter, @object
race_counter: .skip 8
  .size race_counter, 8
  .type race_counter_locked, @object
race_counter_locked: .skip 8
  .size race_counter_locked, 8
  .section .note.GNU-stack, "", @progbits

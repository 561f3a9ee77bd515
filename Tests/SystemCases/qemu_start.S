// Starts a case on the second implementation: from real-address mode at 2000:0000 to whatever the
// block at 20800h says. `qemu.py` writes the block and the machine's memory.
  .set block, 0x20800
  .set cr0, block
  .set cr3, block + 8
  .set cr4, block + 16
  .set efer, block + 24
  .set gdtr, block + 32
  .set idtr, block + 48
  .set entry, block + 64
  .set ldt, block + 72
  .set tr, block + 80
  .set data, block + 88
  .set pkru, block + 96
  .set tss_access, block + 104
  .set frame, block + 112
  .set general, block + 160
  .set base, 0x20000

  .text
  .code16
  cli
  movw %cs, %ax
  movw %ax, %ds
  lgdtl gdtr - base
  lidtl idtr - base
  movl cr4 - base, %eax
  movl %eax, %cr4
  movl cr3 - base, %eax
  movl %eax, %cr3
  movl efer - base, %eax
  xorl %edx, %edx
  movl $0xC0000080, %ecx
  wrmsr
  movl cr0 - base, %eax
  movl %eax, %cr0
  ljmpl *(entry - base)

  .org 0x100
  .code64
  movl data, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %fs
  movl %eax, %gs
  lldt ldt
  movq tss_access, %rax
  andb $0xFD, (%rax)
  ltr tr
  testl $1 << 22, cr4
  jz 1f
  xorl %ecx, %ecx
  xorl %edx, %edx
  movl pkru, %eax
  wrpkru
1:
  movq general, %rax
  movq general + 8, %rcx
  movq general + 16, %rdx
  movq general + 24, %rbx
  movq general + 40, %rbp
  movq general + 48, %rsi
  movq general + 56, %rdi
  movq general + 64, %r8
  movq general + 72, %r9
  movq general + 80, %r10
  movq general + 88, %r11
  movq general + 96, %r12
  movq general + 104, %r13
  movq general + 112, %r14
  movq general + 120, %r15
  movl $frame, %esp
  iretq

  .org 0x300
  .code32
  movl $0x10, %eax
  movl %eax, %ds
  movl data, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %fs
  movl %eax, %gs
  movl %eax, %ss
  lldt ldt
  movl tss_access, %eax
  andb $0xFD, (%eax)
  ltr tr
  movl $base + 0xF00, %esp
  pushl $2
  popfl
  movl general, %eax
  movl general + 8, %ecx
  movl general + 16, %edx
  movl general + 24, %ebx
  movl general + 40, %ebp
  movl general + 48, %esi
  movl general + 56, %edi
  movl general + 32, %esp
  jmpl *frame

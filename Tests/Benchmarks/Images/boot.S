// Takes a benchmark image from its 32-bit entry to 64-bit mode and calls main_image.
//
// Three doors lead to _start, all in 32-bit protected mode with flat segments and interrupts off:
// the PVH note (emu, QEMU -kernel), the multiboot2 header (GRUB) and rom.S (Bochs). None of what
// a loader passes in registers is used.

  .section .note.Xen, "a", @note
  .balign 4
  .long 4, 8, 18               // name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
  .asciz "Xen"
  .quad _start

  .section .multiboot2, "a"
  .balign 8
header:
  .long 0xe85250d6, 0, header_end - header, 0x100000000 - (0xe85250d6 + (header_end - header))
  .balign 8
  .word 3, 0                   // entry address tag
  .long 12, _start
  .balign 8
  .word 0, 0                   // end tag
  .long 8
header_end:

  .section .text.boot, "ax"
  .code32
  .globl _start
_start:
  cli
  cld
  movl $boot_stack_top, %esp

  // Paging: 4 GiB mapped to themselves by 2 MiB pages, open to ring 3 as well.
  movl $boot_pdpt + 7, boot_pml4             // P | R/W | U/S
  movl $boot_pd + 7, %eax
  xorl %ecx, %ecx
1:movl %eax, boot_pdpt(,%ecx,8)
  addl $4096, %eax
  incl %ecx
  cmpl $4, %ecx
  jne 1b
  movl $0x87, %eax                           // P | R/W | U/S | PS
  xorl %ecx, %ecx
2:movl %eax, boot_pd(,%ecx,8)
  addl $0x200000, %eax
  incl %ecx
  cmpl $2048, %ecx
  jne 2b

  movl %cr4, %eax
  orl $0x620, %eax                           // PAE | OSFXSR | OSXMMEXCPT
  movl %eax, %cr4
  movl $boot_pml4, %eax
  movl %eax, %cr3
  movl $0xc0000080, %ecx                     // IA32_EFER: SCE | LME
  rdmsr
  orl $0x101, %eax
  wrmsr
  movl %cr0, %eax
  andl $0x9ffffffb, %eax                     // caches on, no x87 emulation
  orl $0x80010002, %eax                      // PG | WP | MP
  movl %eax, %cr0
  lgdt gdt_register
  ljmp $0x08, $enter_64_bit

  .code64
enter_64_bit:
  movl $0x10, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  xorl %eax, %eax
  movl %eax, %fs
  movl %eax, %gs
  leaq task_state(%rip), %rax                // the TSS descriptor's base, in its four pieces
  movw %ax, gdt_tss + 2(%rip)
  shrq $16, %rax
  movb %al, gdt_tss + 4(%rip)
  movb %ah, gdt_tss + 7(%rip)
  movl $0x28, %eax
  ltr %ax
  leaq boot_stack_top(%rip), %rsp
  xorl %ebp, %ebp
  call main_image
1:hlt
  jmp 1b

  .data
  .balign 8
// The order is the one SYSCALL and SYSRET ask for: 08 code, 10 data | 18 data, 20 code for ring 3.
gdt:
  .quad 0
  .quad 0x00af9b000000ffff                   // 08 ring 0 code, 64-bit
  .quad 0x00cf93000000ffff                   // 10 ring 0 data
  .quad 0x00cff3000000ffff                   // 18 ring 3 data
  .quad 0x00affb000000ffff                   // 20 ring 3 code, 64-bit
gdt_tss:
  .quad 0x0000890000000067, 0                // 28 64-bit TSS
gdt_register:
  .word . - gdt - 1
  .quad gdt

  .bss
  .balign 4096
  .globl boot_pml4
boot_pml4: .skip 4096
boot_pdpt: .skip 4096
boot_pd:   .skip 4 * 4096
  .globl task_state
task_state: .skip 104
  .balign 4096
  .skip 65536
boot_stack_top:

  .section .note.GNU-stack, "", @progbits

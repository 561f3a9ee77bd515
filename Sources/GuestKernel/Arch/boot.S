// From the boot loader to 64-bit Swift. One ELF64 has two doors: the PVH note (QEMU -kernel and other
// virtual machines) and the multiboot2 header (GRUB). Both enter here in 32-bit protected mode with
// paging off. There is no multiboot1 header: QEMU refuses an ELF64 that carries one.
//
// The kernel's window is the last 2 GiB of the LOWER canonical half (PML4[255], PDPT[510]): Swift keeps
// tags in bits 56-63 of a pointer and takes them for zero on x86-64. It is linked for the window's beginning;
// with `kaslr` it is moved up before the first instruction of it runs for good.
  .cfi_sections .debug_frame
#define PML4_DIRECT 128
#define PML4_KERNEL 255

  .section .note.Xen, "a", @note
  .balign 4
  .long 4, 8, 18               // namesz, descsz, XEN_ELFNOTE_PHYS32_ENTRY
  .asciz "Xen"
  .quad pvh_start

  .section .multiboot2, "a"
  .balign 8
mb2:
  .long 0xe85250d6, 0, mb2_end - mb2, 0x100000000 - (0xe85250d6 + (mb2_end - mb2))
  .balign 8
  .word 3, 0                   // entry address tag
  .long 12, mb2_start
  .balign 8
  .word 0, 0                   // end tag
  .long 8
mb2_end:

  .section .boot.text, "ax"
  .code32
  .globl _start
mb2_start:                     // EAX = 0x36d76289, EBX = boot information
_start:
pvh_start:                     // EBX = hvm_start_info
  cld
  cli
  movl %eax, %edi              // first argument: the magic number, if any
  movl %ebx, %esi              // second argument: the information
  movl $boot_stack_top, %esp

  // Boot page tables: the first 4 GiB at 0 and in the direct map, 2 GiB in the kernel's window.
  movl $boot_pd, %eax
  orl  $3, %eax
  xorl %ecx, %ecx
1: movl %eax, boot_pdpt(,%ecx,8)
  addl $4096, %eax
  incl %ecx
  cmpl $4, %ecx
  jne 1b
  movl $boot_pd + 3, boot_pdpt_kernel + 510*8
  movl $boot_pd + 4096 + 3, boot_pdpt_kernel + 511*8
  movl $boot_pdpt + 3, boot_pml4
  movl $boot_pdpt + 3, boot_pml4 + PML4_DIRECT*8
  movl $boot_pdpt_kernel + 3, boot_pml4 + PML4_KERNEL*8
  movl $0x83, %eax             // present, writable, 2 MiB
  xorl %ecx, %ecx
2: movl %eax, boot_pd(,%ecx,8)
  addl $0x200000, %eax
  incl %ecx
  cmpl $2048, %ecx
  jne 2b

  movl %cr4, %eax
  orl  $0x6a0, %eax            // PAE, PGE, OSFXSR, OSXMMEXCPT
  movl %eax, %cr4
  movl $boot_pml4, %eax
  movl %eax, %cr3
  movl $0xc0000080, %ecx       // IA32_EFER: SCE, LME, NXE
  rdmsr
  orl  $0x901, %eax
  wrmsr
  movl %cr0, %eax
  andl $0xfffffffb, %eax       // EM = 0
  orl  $0x80010022, %eax       // PG, WP, NE, MP
  movl %eax, %cr0
  lgdt boot_gdtr
  ljmp $0x08, $long_mode

  .code64
long_mode:
  xorl %eax, %eax
  movw %ax, %ds
  movw %ax, %es
  movw %ax, %ss
  movw %ax, %fs
  movw %ax, %gs
  movl %edi, %r12d
  movl %esi, %r13d
  movabsq $choose_slide, %rax
  call *%rax
  movl %r12d, %edi
  movl %r13d, %esi
  testq %rax, %rax
  jz 6f

  // With `kaslr` the image appears that much higher in its window, and every address in it grows by as much;
  // Tools/ksymgen.swift has written down where they are, as bytes from the beginning of physical memory.
  movl $0x83, %edx
  movq %rax, %rcx
  shrq $21, %rcx
3: movq %rdx, boot_pd_image(,%rcx,8)
  addl $0x200000, %edx
  incl %ecx
  cmpl $512, %ecx
  jne 3b
  movl $boot_pd_image + 3, boot_pdpt_kernel + 510*8
  movq %cr3, %rdx
  movq %rdx, %cr3
  movl $relocations_load, %ecx
  movl $relocations_load_end, %ebx
  jmp 5f
4: movl (%rcx), %edx
  addq %rax, (%rdx)
  addl $4, %ecx
5: cmpl %ebx, %ecx
  jne 4b
6: movabsq $high_start, %rcx
  addq %rax, %rcx
  jmpq *%rcx
  .balign 8
boot_gdt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdtr: .word . - boot_gdt - 1
  .long boot_gdt

  .section .boot.bss, "aw", @nobits
  .balign 4096
boot_pml4:        .skip 4096
boot_pdpt:        .skip 4096
boot_pdpt_kernel: .skip 4096
boot_pd:          .skip 4*4096
boot_pd_image:    .skip 4096
boot_stack:       .skip 4096
boot_stack_top:

  .text
  .code64
  .globl high_start
  .type high_start, @function
high_start:                    // EDI and ESI as set above, upper halves zero
  .cfi_startproc
  .cfi_undefined %rip
  leaq idle_stack_top(%rip), %rsp
  leaq percpu0(%rip), %rax
  movq %rax, (%rax)            // percpu_t.self
  movq %rax, percpu_table(%rip)
  movq %rax, %rdx
  shrq $32, %rdx
  movl $0xc0000101, %ecx       // IA32_GS_BASE
  wrmsr
  xorl %ebp, %ebp              // ends the walk of a backtrace
  call kmain
9: cli
  hlt
  jmp 9b
  .cfi_endproc
  .size high_start, . - high_start
  .section .note.GNU-stack, "", @progbits

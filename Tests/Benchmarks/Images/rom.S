// The smallest BIOS: a ROM that copies an image to 1 MiB and enters it in 32-bit protected mode.
//
// Bochs has no loader for ELF files. Given this instead of its BIOS it needs neither a disk nor a
// boot loader, and its runs begin as directly as those of the other emulators.
// IMAGE is the flat image, ROM_SIZE the size of the ROM, which ends at 4 GiB.

  .section .rom, "ax"
  .globl rom
rom:
image:
  .incbin IMAGE
image_end:

  // The 16-bit part lies in the last 64 KiB, where CS points after a reset.
  .org ROM_SIZE - 256
  .code16
start_16_bit:
  cli
  movb $2, %al
  outb %al, $0x92                            // A20 on
  lgdtl %cs:(gdt_register - start_16_bit + 0xff00)
  movl %cr0, %eax
  orb $1, %al
  movl %eax, %cr0
  ljmpl $0x08, $start_32_bit

  .code32
start_32_bit:
  movl $0x10, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  cld
  movl $image, %esi
  movl $0x100000, %edi
  movl $(image_end - image + 3) / 4, %ecx
  rep movsl
  movl $ENTRY, %eax
  jmpl *%eax

  .balign 8
gdt:
  .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_register:
  .word . - gdt - 1
  .long gdt

  .org ROM_SIZE - 16                         // the reset vector
  .code16
  jmp start_16_bit
  .org ROM_SIZE

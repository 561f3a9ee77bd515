// The option ROM by which firmware starts a Linux kernel that the machine was given: a boot entry
// that copies the kernel's parts out of the firmware-configuration device, and enters the setup
// code in real-address mode. `make rom` assembles it; CI checks that the bytes in
// Sources/Emulator/Loader/Linux/LinuxROM+Code.swift are these.
//
// BIOS Boot Specification 1.01, "BEV Devices"; QEMU documentation, "QEMU Firmware Configuration
// (fw_cfg) Device"; Linux kernel documentation, "The Linux/x86 Boot Protocol".

        .code16
        .text
        .globl _start

// Items of the firmware-configuration device.
        .set KERNEL_ADDRESS, 0x07
        .set KERNEL_SIZE, 0x08
        .set DISK_ADDRESS, 0x0A
        .set DISK_SIZE, 0x0B
        .set KERNEL_DATA, 0x11
        .set DISK_DATA, 0x12
        .set COMMAND_LINE_ADDRESS, 0x13
        .set COMMAND_LINE_SIZE, 0x14
        .set COMMAND_LINE_DATA, 0x15
        .set SETUP_ADDRESS, 0x16
        .set SETUP_SIZE, 0x17
        .set SETUP_DATA, 0x18

// Its transfer port's two halves, and the commands to select an item and read it.
        .set TRANSFER_HIGH, 0x514
        .set TRANSFER_LOW, 0x518
        .set SELECT_AND_READ, 0x0A

// Where this program keeps its stack and its variables: 4 KiB below the setup code.
        .set SEGMENT, 0x0F00
        .set DESCRIPTOR, 0          // 16 bytes, big-endian: control, length, address
        .set NUMBER, 16             // an item of 4 bytes
        .set MEMORY_END, 20
        .set STACK, 0x1000
        .set SETUP_STACK, 0xFFF0

        .set RAMDISK_IMAGE, 0x218   // a field of the setup header
        .set SETUP_ENTRY, 0x20      // paragraphs from the header's segment to the code

_start: .byte 0x55, 0xAA
        .byte 1                     // units of 512 bytes
        lret                        // nothing to initialise

        .org 0x1A
        .word expansion - _start

// The Plug and Play expansion header; the checksum is filled in by who takes the bytes.
        .org 0x20
expansion:
        .ascii "$PnP"
        .byte 1, 2                  // revision; length in units of 16 bytes
        .word 0                     // no other header
        .byte 0, 0                  // reserved; checksum
        .long 0                     // no device
        .word 0, product - _start            // manufacturer and product
        .byte 2, 0x80, 1            // class: mass storage, of another kind
        .byte 0x74                  // it may be a boot device
        .word 0, 0                  // no connection vector for disks
        .word boot - _start                  // bootstrap entry vector
        .word 0, 0

product:
        .asciz "Linux"

boot:   cli
        cld
        mov $SEGMENT, %ax
        mov %ax, %ds
        mov %ax, %ss
        mov $STACK, %sp
        sti                         // the BIOS has work to do
        call find_memory_end
        cli

        mov $SETUP_SIZE, %bx
        mov $SETUP_ADDRESS, %cx
        call load
        mov $KERNEL_SIZE, %bx
        mov $KERNEL_ADDRESS, %cx
        call load
        mov $COMMAND_LINE_SIZE, %bx
        mov $COMMAND_LINE_ADDRESS, %cx
        call load
        call load_disk

        mov $SETUP_ADDRESS, %cx
        call number
        shr $4, %eax
        mov %ax, %ds
        mov %ax, %es
        mov %ax, %fs
        mov %ax, %gs
        mov %ax, %ss
        mov $SETUP_STACK, %sp
        add $SETUP_ENTRY, %ax
        push %ax
        push $0
        lret

// Asks the BIOS how much memory there is, some of which it keeps for itself.
find_memory_end:
        mov $0xE801, %ax
        xor %cx, %cx
        xor %dx, %dx
        int $0x15
        movzwl %dx, %edx            // 64 KiB each above 16 MiB
        shl $16, %edx
        jz 1f
        add $0x1000000, %edx
        jmp 2f
1:      movzwl %cx, %edx            // KiB each above 1 MiB
        shl $10, %edx
        add $0x100000, %edx
2:      push $SEGMENT
        pop %ds
        mov %edx, MEMORY_END
        ret

// Copies a part of the kernel to its place; CX is the item with its address, BX that with its size.
// The item with its content comes after the size of the setup code and of the command line; the
// kernel's and the disk's do not.
load:   call number
        mov %eax, %edi
        mov %bx, %cx
        call number
        inc %bx                     // SETUP_DATA, COMMAND_LINE_DATA
        cmp $KERNEL_SIZE + 1, %bx
        jne 1f
        mov $KERNEL_DATA, %bx
1:      mov %bx, %cx
        jmp read

// Copies the initial RAM disk, if there is one, to its place or as high as memory reaches, and
// tells the setup code where it is.
load_disk:
        mov $DISK_SIZE, %cx
        call number
        test %eax, %eax
        jz 1f
        mov %eax, %ebx
        mov $DISK_ADDRESS, %cx
        call number
        mov MEMORY_END, %edi
        sub %ebx, %edi
        and $0xFFFFF000, %edi
        cmp %eax, %edi
        jbe 2f
        mov %eax, %edi
2:      push %edi
        mov $DISK_DATA, %cx
        mov %ebx, %eax
        call read
        mov $SETUP_ADDRESS, %cx
        call number
        shr $4, %eax
        mov %ax, %es
        pop %edi
        mov %edi, %es:RAMDISK_IMAGE
1:      ret

// EAX becomes the number in item CX; EDX and ECX are lost.
number: push %edi
        mov $(SEGMENT << 4) + NUMBER, %edi
        mov $4, %eax
        call read
        mov NUMBER, %eax
        pop %edi
        ret

// Copies EAX bytes of item CX to the address EDI; EAX, ECX, EDX and EDI are lost.
read:   shl $16, %ecx
        mov $SELECT_AND_READ, %cx
        bswap %ecx
        mov %ecx, DESCRIPTOR
        bswap %eax
        mov %eax, DESCRIPTOR + 4
        bswap %edi
        movl $0, DESCRIPTOR + 8
        mov %edi, DESCRIPTOR + 12
        xor %eax, %eax
        mov $TRANSFER_HIGH, %dx
        out %eax, %dx
        mov $(SEGMENT << 4) + DESCRIPTOR, %eax
        bswap %eax
        mov $TRANSFER_LOW, %dx
        out %eax, %dx
1:      pause
        mov DESCRIPTOR, %eax
        test %eax, %eax
        jz 2f
        test $0x01000000, %eax      // an error: nobody else could start this kernel
        jz 1b
        int $0x18
2:      ret

# Goes to ring 3, comes back by SYSCALL four times, and ends when the application faults.
.include "common.inc"

.set IA32_EFER, 0xC0000080
.set IA32_STAR, 0xC0000081
.set IA32_LSTAR, 0xC0000082
.set IA32_FMASK, 0xC0000084

    .globl start
start:
    lgdt gdt_pointer(%rip)
    leaq tss(%rip), %rax
    leaq stack_end(%rip), %rbx
    movq %rbx, 4(%rax)
    movw %ax, tss_descriptor + 2(%rip)
    shrq $16, %rax
    movb %al, tss_descriptor + 4(%rip)
    movb %ah, tss_descriptor + 7(%rip)
    movw $0x28, %ax
    ltr %ax
    pushq $0x08
    leaq reloaded(%rip), %rax
    pushq %rax
    lretq
reloaded:
    movl $0x10, %eax
    movl %eax, %ss
    gate 13, application_fault
    lidt idt_pointer(%rip)
    call start_system_calls
    call open_pages
    # SS, RSP, RFLAGS, CS, RIP of the application.
    pushq $0x1B
    leaq application_stack_end(%rip), %rax
    pushq %rax
    pushq $0x2
    pushq $0x23
    leaq application(%rip), %rax
    pushq %rax
    say "to ring 3"
    iretq
.type start, @function
.size start, . - start

start_system_calls:
    movl $IA32_EFER, %ecx
    rdmsr
    orl $1, %eax
    wrmsr
    # SYSCALL loads 08h and 10h, SYSRET 20h | 3 and 18h | 3.
    movl $IA32_STAR, %ecx
    xorl %eax, %eax
    movl $0x00100008, %edx
    wrmsr
    movl $IA32_LSTAR, %ecx
    leaq system_call(%rip), %rax
    xorl %edx, %edx
    wrmsr
    movl $IA32_FMASK, %ecx
    movl $0x200, %eax
    wrmsr
    ret
.type start_system_calls, @function
.size start_system_calls, . - start_system_calls

# Lets applications use every page: U/S in the entries of the top levels that map this.
open_pages:
    movq %cr3, %rax
    andq $~0xFFF, %rax
    movl $3, %ecx
1:  orq $4, (%rax)
    movq (%rax), %rax
    testb $0x80, %al
    jnz 2f
    andq $~0xFFF, %rax
    loop 1b
    # The last level has 512 pages.
    movl $512, %ecx
3:  orq $4, (%rax)
    addq $8, %rax
    loop 3b
2:  movq %cr3, %rax
    movq %rax, %cr3
    ret
.type open_pages, @function
.size open_pages, . - open_pages

# The system call: says which one it is by a letter.
system_call:
    movq %rsp, application_rsp(%rip)
    leaq stack_end(%rip), %rsp
    pushq %rcx
    pushq %r11
    addb $'0', %al
    movw $COM1, %dx
    outb %al, %dx
    movb $'\n', %al
    outb %al, %dx
    popq %r11
    popq %rcx
    movq application_rsp(%rip), %rsp
    xorl %eax, %eax
    sysretq
.type system_call, @function
.size system_call, . - system_call

application:
    movl $4, %ebx
1:  movl %ebx, %eax
    syscall
    decl %ebx
    jnz 1b
    # Only ring 0 may do this.
    cli
.type application, @function
.size application, . - application

application_fault:
    say "the application may not do that"
    jmp power_off
.type application_fault, @function
.size application_fault, . - application_fault

    .data
    .balign 8
# Null, kernel code, kernel data, application data, application code, TSS.
gdt:
    .quad 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF, 0x00CFF3000000FFFF, 0x00AFFB000000FFFF
tss_descriptor:
    .quad 0x0000890000000067, 0
gdt_pointer:
    .word . - gdt - 1
    .quad gdt

    .bss
    .balign 16
tss:
    .skip 104
application_rsp:
    .skip 8
    .skip 1024
stack_end:
    .skip 1024
application_stack_end:

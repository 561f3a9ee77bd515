# Raises exceptions and survives them: each handler says what came and passes over the
# instruction, whose length it knows.
.include "common.inc"

# A handler without an error code, for an instruction of \length bytes.
.macro handler name, text, length
\name:
    say "\text"
    addq $\length, (%rsp)
    iretq
.type \name, @function
.size \name, . - \name
.endm

# The same where the processor pushes an error code.
.macro handler_with_code name, text, length
\name:
    say "\text"
    addq $8, %rsp
    addq $\length, (%rsp)
    iretq
.type \name, @function
.size \name, . - \name
.endm

    .globl start
start:
    gate 0, divide_error
    gate 6, invalid_opcode
    gate 13, general_protection
    gate 14, page_fault
    lidt idt_pointer(%rip)
    call raise_all
    jmp power_off
.type start, @function
.size start, . - start

raise_all:
    xorl %ecx, %ecx
    movl $1, %eax
    cltd
    idivl %ecx
    ud2
    movw $0xFFF8, %ax
    movw %ax, %fs
    movabsq $0x123456789000, %rbx
    movq (%rbx), %rax
    say "all survived"
    ret
.type raise_all, @function
.size raise_all, . - raise_all

handler divide_error, "divide error", 2
handler invalid_opcode, "invalid opcode", 2
handler_with_code general_protection, "general protection", 2
handler_with_code page_fault, "page fault", 3

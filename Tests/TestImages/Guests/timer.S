# Waits for ten interrupts of the 8254, routed through the 8259s, and sleeps between them.
.include "common.inc"

.set PIC, 0x20
.set PIT, 0x40
.set TIMER_VECTOR, 0x20
.set TICKS, 10
# 1,193,182 Hz divided by 100.
.set DIVISOR, 11932

    .globl start
start:
    gate TIMER_VECTOR, tick
    lidt idt_pointer(%rip)
    call start_pics
    call start_timer
    sti
wait:
    cmpl $TICKS, ticks(%rip)
    jae done
    hlt
    jmp wait
done:
    cli
    say "ten ticks"
    jmp power_off
.type start, @function
.size start, . - start

# Both 8259s: edge-triggered, cascaded, vectors from 20h on; only IRQ 0 is let through.
start_pics:
    movb $0x11, %al
    outb %al, $PIC
    outb %al, $0xA0
    movb $TIMER_VECTOR, %al
    outb %al, $PIC + 1
    movb $TIMER_VECTOR + 8, %al
    outb %al, $0xA1
    movb $4, %al
    outb %al, $PIC + 1
    movb $2, %al
    outb %al, $0xA1
    movb $1, %al
    outb %al, $PIC + 1
    outb %al, $0xA1
    movb $0xFE, %al
    outb %al, $PIC + 1
    movb $0xFF, %al
    outb %al, $0xA1
    ret
.type start_pics, @function
.size start_pics, . - start_pics

# Counter 0 of the 8254, mode 2.
start_timer:
    movb $0x34, %al
    outb %al, $PIT + 3
    movb $DIVISOR & 0xFF, %al
    outb %al, $PIT
    movb $DIVISOR >> 8, %al
    outb %al, $PIT
    ret
.type start_timer, @function
.size start_timer, . - start_timer

tick:
    pushq %rax
    incl ticks(%rip)
    movb $0x20, %al
    outb %al, $PIC
    popq %rax
    iretq
.type tick, @function
.size tick, . - tick

    .data
ticks:
    .long 0

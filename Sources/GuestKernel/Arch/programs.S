// The programs built into the kernel image. A new one is a folder in User/Programs and a line here.
  .macro PROGRAM name
  .section .programs, "a"
  .balign 8
  .quad 1f, 2f, 3f - 2f
  .section .rodata.programs, "a"
1: .asciz "\name"
  .balign 16
2: .incbin "\name\().program"
3:
  .endm
  PROGRAM shell
  PROGRAM hello
  PROGRAM primes
  PROGRAM mandelbrot
  PROGRAM count
  PROGRAM spin
  PROGRAM crash
  PROGRAM demo
  PROGRAM costs
  PROGRAM strace
  .section .note.GNU-stack, "", @progbits

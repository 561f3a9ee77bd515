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
  .set program_\name, 2b
  .set program_size_\name, 3b - 2b
  .endm
  // The same file under another name: it does what the name says.
  .macro LINK name, program
  .section .programs, "a"
  .balign 8
  .quad 1f, program_\program, program_size_\program
  .section .rodata.programs, "a"
1: .asciz "\name"
  .endm
  PROGRAM sh
  PROGRAM tools
  .irp name, cat, wc, head, tail, grep, sort, uniq, cut, tee, hexdump, tac, ls
    LINK \name, tools
  .endr
  .irp name, pwd, mkdir, rmdir, rm, cp, mv, ln, touch, readlink, chmod, find, mount
    LINK \name, tools
  .endr
  .irp name, umount, df, sync, dd, ps, top, kill, sleep, env, xargs, time, nice
    LINK \name, tools
  .endr
  .irp name, mem, free, meminfo, slabinfo, irqs, mounts, lspci, maps, cpu, dmesg, uptime, date
    LINK \name, tools
  .endr
  .irp name, uname, clear, poweroff, reboot, panic, true, false, echo, yes, seq, test, expr
    LINK \name, tools
  .endr
  .irp name, basename, init, login, cyclictest, chrt, taskset
    LINK \name, tools
  .endr
  LINK "[", tools
  LINK shell, sh
  PROGRAM usertests
  PROGRAM hello
  PROGRAM primes
  PROGRAM mandelbrot
  PROGRAM count
  PROGRAM spin
  PROGRAM crash
  PROGRAM demo
  .section .note.GNU-stack, "", @progbits

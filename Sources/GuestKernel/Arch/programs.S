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
  .set program_\name\()_size, 3b - 2b
  .endm
  // The same program under another name: it looks at its first argument.
  .macro ALIAS name, program
  .section .programs, "a"
  .balign 8
  .quad 1f, program_\program, program_\program\()_size
  .section .rodata.programs, "a"
1: .asciz "\name"
  .endm
  PROGRAM sh
  PROGRAM tools
  .irp name, cat, wc, head, tail, grep, sort, uniq, cut, tee, tr, hexdump, tac, ls
    ALIAS \name, tools
  .endr
  .irp name, pwd, mkdir, rmdir, rm, cp, mv, ln, touch, readlink, chmod, find, mount
    ALIAS \name, tools
  .endr
  .irp name, umount, df, sync, dd, ps, top, kill, sleep, env, xargs, time, nice
    ALIAS \name, tools
  .endr
  .irp name, mem, free, meminfo, slabinfo, irqs, mounts, lspci, maps, cpu, dmesg, uptime, date
    ALIAS \name, tools
  .endr
  .irp name, uname, clear, poweroff, reboot, panic, true, false, echo, yes, seq, test, expr
    ALIAS \name, tools
  .endr
  .irp name, basename, init, chown, cyclictest, chrt, taskset, printf, sed, cmp, diff, du
    ALIAS \name, tools
  .endr
  .irp name, mkfifo, mknod, which, dirname, stat, stty, resize, more, tty
    ALIAS \name, tools
  .endr
  ALIAS "[", tools
  ALIAS shell, sh
  PROGRAM su
  ALIAS passwd, su
  ALIAS login, su
  ALIAS id, su
  PROGRAM mkfs
  ALIAS fsck, mkfs
  PROGRAM usertests
  PROGRAM hello
  PROGRAM primes
  PROGRAM mandelbrot
  PROGRAM count
  PROGRAM spin
  PROGRAM crash
  PROGRAM demo
  PROGRAM costs
  PROGRAM strace
  PROGRAM ktools
  ALIAS lsmod, ktools
  ALIAS insmod, ktools
  ALIAS modprobe, ktools
  ALIAS rmmod, ktools
  ALIAS modinfo, ktools
  ALIAS trace, ktools
  ALIAS kprobe, ktools
  ALIAS perf, ktools
  ALIAS script, ktools
  .section .note.GNU-stack, "", @progbits

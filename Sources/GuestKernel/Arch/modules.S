// The modules built into the kernel image, as files. A new one is a folder in Modules and a line here.
#if CONFIG_MODULES
  .macro MODULE name
  .section .modules, "a"
  .balign 8
  .quad 1f, 2f, 3f - 2f
  .section .rodata.modules, "a"
1: .asciz "\name\().ko"
  .balign 16
2: .incbin "\name\().ko"
3:
  .endm
  MODULE hello
  MODULE counter
  MODULE counter_user
  MODULE beat
  MODULE mailbox
  MODULE mishap
#endif
  .section .note.GNU-stack, "", @progbits

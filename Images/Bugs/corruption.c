// Memory that somebody overwrites: a name is copied with its end into a field that it just fills.

#include "guest.h"

struct task {
  char name[8];
  u64 stack_pointer;
};

static struct task tasks[3];

static __attribute__((noinline)) void set_name(struct task *task, const char *name) {
  char *to = task->name;
  while ((*to++ = *name++)) ;
}

static __attribute__((noinline)) void create(int number, const char *name) {
  tasks[number].stack_pointer = 0x200FF8 + 0x1000 * number;
  set_name(&tasks[number], name);
}

static __attribute__((noinline)) void check(void) {
  for (int number = 0; number < 3; number++)
    if (tasks[number].stack_pointer % 0x1000 != 0xFF8)
      panic("a task's stack pointer is wrong");
}

void start(void) {
  create(0, "idle");
  create(1, "keyboard");
  create(2, "shell");
  for (volatile int work = 0; work < 1000; work++) ;
  check();
  print("the tasks are ready\n");
  power_off();
}

// A hang: somebody waits for the timer and holds a lock that keeps interrupts off.

#include "guest.h"

static volatile u64 ticks;

void timer(void) {
  ticks++;
  end_of_interrupt();
}
INTERRUPT_ENTRY(timer_entry, timer, NO_ERROR_CODE);

static __attribute__((noinline)) void sleep(u64 count) {
  u64 end = ticks + count;
  while (ticks < end) ;
}

static __attribute__((noinline)) void reset_disk(void) {
  interrupts_off();
  // The disk wants a pause behind its reset.
  sleep(2);
  interrupts_on();
}

void start(void) {
  set_handler(timer_vector, timer_entry);
  load_table(sizeof interrupt_table - 1);
  start_timer(1000);
  interrupts_on();
  sleep(3);
  print("the timer runs\n");
  reset_disk();
  print("the disk is reset\n");
  power_off();
}

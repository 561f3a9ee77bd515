// A race: the timer's handler and the code that it interrupts both add to a sum, and some is lost.

#include "guest.h"

static volatile u64 bytes, packets;

static __attribute__((noinline)) void count(u64 size) {
  u64 sum = bytes + size;
  if (sum < size) panic("more bytes than a number can count");
  bytes = sum;
}

void timer(void) {
  packets++;
  count(64);
  end_of_interrupt();
}
INTERRUPT_ENTRY(timer_entry, timer, NO_ERROR_CODE);

void start(void) {
  set_handler(timer_vector, timer_entry);
  load_table(sizeof interrupt_table - 1);
  start_timer(10000);
  interrupts_on();
  u64 sent = 0;
  for (; sent < 100000; sent++) count(64);
  interrupts_off();
  print_number(sent + packets - bytes / 64);
  print(" packets were not counted\n");
  if (bytes / 64 != sent + packets) panic("the sum is wrong");
  power_off();
}

// A triple fault: the interrupt table is loaded with the size of its register, not of the table.

#include "guest.h"

void divide_error(void) {
  panic("divide error");
}
INTERRUPT_ENTRY(divide_error_entry, divide_error, NO_ERROR_CODE);

static void load_interrupts(void) {
  set_handler(0, divide_error_entry);
  load_table(sizeof(struct table_register) - 1);
}

// Instructions a second, as somebody measured them.
static u64 speed(u64 instructions, u64 seconds) { return instructions / seconds; }

void start(void) {
  load_interrupts();
  volatile u64 seconds = 0;
  print_number(speed(1000000, seconds));
  power_off();
}

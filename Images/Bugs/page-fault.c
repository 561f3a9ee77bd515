// A page fault in ring 0: the screen is where physical memory will be mapped, one day.

#include "guest.h"

static const u64 physical_memory = 0xFFFFFFFF80000000;

void page_fault(void) {
  panic("page fault in the kernel");
}
INTERRUPT_ENTRY(page_fault_entry, page_fault, HAS_ERROR_CODE);

static void put(u64 column, char character) {
  volatile u16 *screen = (volatile u16 *)(physical_memory + 0xB8000);
  screen[column] = 0x0700 | character;
}

static __attribute__((noinline)) void show(const char *text) {
  for (u64 column = 0; text[column]; column++) put(column, text[column]);
}

void start(void) {
  set_handler(14, page_fault_entry);
  load_table(sizeof interrupt_table - 1);
  print("booting\n");
  show("Hello");
  power_off();
}

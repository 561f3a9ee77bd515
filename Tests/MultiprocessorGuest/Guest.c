#include "MultiprocessorGuest.h"

extern const uint8_t multiprocessor_guest_start[], multiprocessor_guest_end[];

long multiprocessor_guest_size(void) {
  return multiprocessor_guest_end - multiprocessor_guest_start;
}

uint8_t multiprocessor_guest_byte(long index) { return multiprocessor_guest_start[index]; }

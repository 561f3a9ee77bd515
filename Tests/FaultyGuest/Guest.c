#include "FaultyGuest.h"

#if defined(__x86_64__)
extern const uint8_t faulty_guest_start[], faulty_guest_end[];
extern const struct {
  const char *name;
  const uint8_t *start, *end;
} faulty_guest_functions[];

long faulty_guest_size(void) { return faulty_guest_end - faulty_guest_start; }
uint8_t faulty_guest_byte(long index) { return faulty_guest_start[index]; }
const char *faulty_guest_function(long index) { return faulty_guest_functions[index].name; }
long faulty_guest_function_start(long index) {
  return faulty_guest_functions[index].start - faulty_guest_start;
}
long faulty_guest_function_end(long index) {
  return faulty_guest_functions[index].end - faulty_guest_start;
}
#else
long faulty_guest_size(void) { return 0; }
uint8_t faulty_guest_byte(long index) { return 0; }
const char *faulty_guest_function(long index) { return 0; }
long faulty_guest_function_start(long index) { return 0; }
long faulty_guest_function_end(long index) { return 0; }
#endif

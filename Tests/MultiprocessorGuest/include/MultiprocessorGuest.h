#pragma once

// A guest that starts every other processor and makes them do things to each other. It is loaded
// at 1 MiB and entered by PVH; the word at offset 8 is the number of processors, the one at 12 how
// often it goes round where it counts. What it found out it prints on port E9h, a number a line.

#include <stdint.h>

// The bytes of the guest, nothing where it cannot be assembled.
long multiprocessor_guest_size(void);
uint8_t multiprocessor_guest_byte(long index);

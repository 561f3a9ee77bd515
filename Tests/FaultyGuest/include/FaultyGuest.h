#pragma once

// A guest that makes one mistake, or does the same right. It is loaded at 1 MiB and entered in
// 64-bit mode; the word at offset 8 says what it does, the one at 12 whether and how it is wrong.

#include <stdint.h>

// The bytes of the guest, nothing where it cannot be assembled.
long faulty_guest_size(void);
uint8_t faulty_guest_byte(long index);

// Its functions: name, and offsets of beginning and end; null behind the last.
const char *faulty_guest_function(long index);
long faulty_guest_function_start(long index);
long faulty_guest_function_end(long index);

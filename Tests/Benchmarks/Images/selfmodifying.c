// Code that changes: an immediate patched before each call, functions written and run at once,
// and data that shares a page with the code that writes it.
#include "support.h"

const char mix_name[] = "selfmodifying";

typedef uint64_t function(uint64_t x);

static uint8_t code[4096] __attribute__((aligned(4096)));

static uint8_t *emit(uint8_t *p, const char *bytes, unsigned count) {
  for (unsigned i = 0; i < count; i++)
    *p++ = (uint8_t)bytes[i];
  return p;
}

static uint8_t *emit_immediate(uint8_t *p, uint32_t value) {
  for (int i = 0; i < 4; i++)
    *p++ = (uint8_t)(value >> i * 8);
  return p;
}

/// lea rax, [rdi + imm32]; ret, with a new immediate for every call.
static uint64_t patch_immediate(uint64_t x) {
  uint8_t *p = emit(code, "\x48\x8d\x87", 3);
  emit(emit_immediate(p, 0), "\xc3", 1);
  for (uint32_t i = 0; i < 400; i++) {
    *(volatile uint32_t *)(code + 3) = i * 3;
    x ^= ((function *)code)(x);
  }
  return x;
}

/// Writes a function of 4 to 11 random operations on RAX and runs it 100 times, as a small
/// just-in-time compiler would.
static uint64_t generate(uint64_t x, uint64_t *seed) {
  for (int round = 0; round < 20; round++) {
    uint8_t *p = emit(code + 1024, "\x48\x89\xf8", 3); // mov rax, rdi
    uint64_t choice = next_random(seed);
    for (unsigned i = 0; i < 4 + (choice >> 60 & 7); i++) {
      switch (choice >> i * 2 & 3) {
      case 0: p = emit_immediate(emit(p, "\x48\x05", 2), (uint32_t)choice + i); break; // add
      case 1: p = emit_immediate(emit(p, "\x48\x35", 2), (uint32_t)choice ^ i); break; // xor
      case 2: p = emit(p, "\x48\xc1\xc0\x07", 4); break;                               // rol 7
      default: p = emit(p, "\x48\x69\xc0\x15\x7c\x4a\x7f", 7); break;                  // imul
      }
    }
    emit(p, "\xc3", 1);
    for (int i = 0; i < 100; i++)
      x = ((function *)(code + 1024))(x);
  }
  return x;
}

/// lea rax, [rdi + 1]; add [rip + 56], rax; mov rax, [rip + 49]; ret: its counter lies 64 bytes
/// behind its own beginning.
static uint64_t write_beside_code(uint64_t x) {
  uint8_t *start = code + 2048;
  uint8_t *p = emit(start, "\x48\x8d\x47\x01", 4);
  p = emit_immediate(emit(p, "\x48\x01\x05", 3), 64 - 11);
  p = emit_immediate(emit(p, "\x48\x8b\x05", 3), 64 - 18);
  emit(p, "\xc3", 1);
  *(volatile uint64_t *)(start + 64) = x;
  for (int i = 0; i < 1000; i++)
    x ^= ((function *)start)(x);
  return x;
}

uint64_t mix_run(void) {
  uint64_t checksum = 0, seed = 88172645463325252;
  for (int i = 0; i < REPEAT; i++) {
    checksum = mixed(checksum, patch_immediate(checksum));
    checksum = mixed(checksum, generate(checksum, &seed));
    checksum = mixed(checksum, write_beside_code(checksum));
  }
  return checksum;
}

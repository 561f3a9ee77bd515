// What every benchmark image shares. A mix defines mix_name and mix_run.
#pragma once
#include <stdint.h>

extern const char mix_name[];

/// Runs the mix and returns a checksum over everything it computed.
uint64_t mix_run(void);

/// How often a mix repeats its kernels; the Makefile sets it.
#ifndef REPEAT
#define REPEAT 1
#endif

/// The 64-bit TSS, packed as the manual has it: RSP0 stands at offset 4.
extern struct {
  uint32_t reserved;
  uint32_t rsp0_low, rsp0_high;
  uint8_t rest[92];
} task_state;

extern uint64_t boot_pml4[512];

/// Points vector `vector` of the IDT at `entry`; ring 3 may use it when `ring` is 3.
void set_gate(uint8_t vector, void (*entry)(void), unsigned ring);

/// Sets where the processor's stack begins when it enters ring 0 from ring 3 by a gate.
void set_ring0_stack(uint64_t top);

static inline void write_msr(uint32_t index, uint64_t value) {
  __asm__ volatile("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline void write_cr3(uint64_t value) {
  __asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline uint64_t read_cr2(void) {
  uint64_t value;
  __asm__ volatile("mov %%cr2, %0" : "=r"(value));
  return value;
}

static inline void invalidate_page(uint64_t address) {
  __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

/// Marsaglia's xorshift64: the source of all "random" input, the same in every emulator.
static inline uint64_t next_random(uint64_t *state) {
  uint64_t x = *state;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return *state = x;
}

/// Adds one result to a checksum, in an order-dependent way.
static inline uint64_t mixed(uint64_t checksum, uint64_t result) {
  return (checksum ^ result) * 0x9e3779b97f4a7c15 + (checksum >> 29);
}

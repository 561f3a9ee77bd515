// Console, exit and interrupt table of a benchmark image.
#include "support.h"

static inline void write_port8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void write_port32(uint16_t port, uint32_t value) {
  __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t read_port8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

enum { com1 = 0x3f8, debug_console = 0xe9, debug_exit = 0xf4, bochs_shutdown = 0x8900 };

/// 115200 baud, 8 data bits, no parity, 1 stop bit.
static void set_up_com1(void) {
  write_port8(com1 + 3, 0x83);
  write_port8(com1, 1);
  write_port8(com1 + 1, 0);
  write_port8(com1 + 3, 0x03);
}

static void wait_for_line_status(uint8_t bits) {
  while ((read_port8(com1 + 5) & bits) != bits) {
  }
}

/// Writes the line to COM1, then once more to port E9; not byte by byte to both, because an
/// emulator may show the two in one place.
static void print(const char *line) {
  set_up_com1();
  for (const char *p = line; *p; p++) {
    wait_for_line_status(0x20);
    write_port8(com1, (uint8_t)*p);
  }
  wait_for_line_status(0x40);
  for (const char *p = line; *p; p++)
    write_port8(debug_console, (uint8_t)*p);
}

/// Ends the emulator: by the debug-exit port where there is one, else by Bochs's shutdown port.
static void power_off(void) {
  write_port32(debug_exit, 0);
  for (const char *p = "Shutdown"; *p; p++)
    write_port8(bochs_shutdown, (uint8_t)*p);
}

struct gate {
  uint16_t offset_low, selector;
  uint8_t ist, type;
  uint16_t offset_middle;
  uint32_t offset_high, reserved;
};

static struct gate idt[256];

void set_gate(uint8_t vector, void (*entry)(void), unsigned ring) {
  uint64_t offset = (uint64_t)entry;
  idt[vector] = (struct gate){
      .offset_low = (uint16_t)offset,
      .selector = 0x08,
      .type = (uint8_t)(0x8e | ring << 5),
      .offset_middle = (uint16_t)(offset >> 16),
      .offset_high = (uint32_t)(offset >> 32),
  };
  struct __attribute__((packed)) {
    uint16_t limit;
    uint64_t base;
  } idtr = {sizeof idt - 1, (uint64_t)idt};
  __asm__ volatile("lidt %0" : : "m"(idtr));
}

void set_ring0_stack(uint64_t top) {
  task_state.rsp0_low = (uint32_t)top;
  task_state.rsp0_high = (uint32_t)(top >> 32);
}

void main_image(void) {
  uint64_t checksum = mix_run();
  char line[64];
  char *p = line;
  for (const char *name = mix_name; *name; name++)
    *p++ = *name;
  *p++ = ' ';
  for (int shift = 60; shift >= 0; shift -= 4)
    *p++ = "0123456789abcdef"[checksum >> shift & 15];
  for (const char *end = " OK\r\n"; *end; end++)
    *p++ = *end;
  *p = 0;
  print(line);
  power_off();
}

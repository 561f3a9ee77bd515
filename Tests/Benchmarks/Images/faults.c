// Page faults: a program in ring 3, and then ring 0 itself, touch pages that are absent or
// read-only; the handler maps them, takes older ones away by INVLPG, and returns by IRETQ.
#include "support.h"

const char mix_name[] = "faults";

enum { page = 4096, region_pages = 1024, resident_pages = 64, present = 1, writable = 2, user = 4 };

#define region ((uint8_t *)0x8000000000)

static uint64_t pdpt[512] __attribute__((aligned(page)));
static uint64_t directory[512] __attribute__((aligned(page)));
static uint64_t tables[region_pages] __attribute__((aligned(page)));
static uint8_t frames[resident_pages][page] __attribute__((aligned(page)));

static uint8_t kernel_stack[4 * page] __attribute__((aligned(16)));
static uint8_t user_stack[4 * page] __attribute__((aligned(16)));

static uint64_t absent_faults, write_faults;
static uint32_t resident[resident_pages]; // which page each frame holds
static unsigned oldest;

void page_fault_entry(void);
void end_entry(void);

/// Runs `function(argument)` in ring 3 until it executes INT 81h.
void run_in_ring3(void (*function)(uint64_t), uint64_t argument, uint64_t stack_top);

/// Brings in the page that was missed, in the frame of the oldest one; a page enters read-only,
/// unless the first access is a write, and becomes writable on its first write.
void page_fault(uint64_t error_code) {
  uint64_t address = read_cr2();
  uint32_t number = (uint32_t)((address - (uint64_t)region) / page);
  if (error_code & present) {
    write_faults++;
    tables[number] |= writable;
    invalidate_page(address);
    return;
  }
  absent_faults++;
  uint32_t evicted = resident[oldest];
  if (tables[evicted]) {
    tables[evicted] = 0;
    invalidate_page((uint64_t)region + (uint64_t)evicted * page);
  }
  tables[number] = (uint64_t)frames[oldest] | present | user | (error_code & writable);
  resident[oldest] = number;
  oldest = (oldest + 1) % resident_pages;
}

static uint64_t sum;

/// Touches pages in order and at random, some read before they are written, each several times.
static void touch(uint64_t argument) {
  uint64_t seed = argument + 1;
  for (unsigned i = 0; i < region_pages; i++) {
    volatile uint64_t *p = (volatile uint64_t *)(region + i * page);
    sum = mixed(sum, p[i & 7]);
    for (int k = 0; k < 8; k++)
      p[k * 61] = sum + k;
    volatile uint64_t *q =
        (volatile uint64_t *)(region + (next_random(&seed) % region_pages) * page);
    // The page's first access is a plain load: for an absent page under a read-modify-write
    // instruction the processor reports a write, but QEMU's TCG a read.
    sum ^= q[0];
    for (int k = 0; k < 8; k++)
      q[k * 17 + 1] += seed;
    for (int k = 0; k < 4; k++)
      sum = mixed(sum, p[k * 61] + q[k * 17 + 1]);
  }
}

static void program(uint64_t argument) {
  touch(argument);
  __asm__ volatile("int $0x81");
}

uint64_t mix_run(void) {
  boot_pml4[1] = (uint64_t)pdpt | 7;
  pdpt[0] = (uint64_t)directory | 7;
  for (unsigned i = 0; i < region_pages / 512; i++)
    directory[i] = (uint64_t)&tables[i * 512] | 7;
  set_gate(14, page_fault_entry, 0);
  set_gate(0x81, end_entry, 3);
  set_ring0_stack((uint64_t)(kernel_stack + sizeof kernel_stack));
  for (int i = 0; i < REPEAT; i++) {
    run_in_ring3(program, (uint64_t)i, (uint64_t)(user_stack + sizeof user_stack) - 8);
    touch((uint64_t)i);
  }
  return mixed(mixed(sum, absent_faults), write_faults);
}

// Memory traffic: copies, string instructions, strides beyond every TLB, pointers to chase,
// accesses of every size, aligned or not, within a page or across two.
#include "support.h"

const char mix_name[] = "memory";

enum { page = 4096, window_size = 16 << 20, window_pages = window_size / page };

/// 16 MiB of physical memory, mapped a second time by 4 KiB pages at `window`.
#define window ((uint8_t *)0x8000000000)
#define window_frames 0x4000000ull

static uint64_t pdpt[512] __attribute__((aligned(page)));
static uint64_t directory[512] __attribute__((aligned(page)));
static uint64_t tables[window_pages] __attribute__((aligned(page)));

static void map_window(void) {
  boot_pml4[1] = (uint64_t)pdpt | 7;
  pdpt[0] = (uint64_t)directory | 7;
  for (unsigned i = 0; i < window_pages; i++)
    tables[i] = (window_frames + (uint64_t)i * page) | 7;
  for (unsigned i = 0; i < window_pages / 512; i++)
    directory[i] = (uint64_t)&tables[i * 512] | 7;
  void *to = window;
  uint64_t count = window_size / 8;
  __asm__ volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0ull) : "memory");
}

/// Copies 64 KiB by 8-byte moves.
static uint64_t copy(void) {
  volatile uint64_t *from = (volatile uint64_t *)window;
  volatile uint64_t *to = (volatile uint64_t *)(window + 0x100000);
  for (unsigned i = 0; i < 8192; i += 4) {
    to[i] = from[i] + i;
    to[i + 1] = from[i + 1];
    to[i + 2] = from[i + 2];
    to[i + 3] = from[i + 3];
  }
  return to[8191] ^ to[0];
}

/// REP STOSQ of 32 KiB, REP MOVSQ of 32 KiB, REP MOVSB of 8 KiB to an odd address.
static uint64_t string_instructions(uint64_t value) {
  void *to = window + 0x200000, *from = window + 0x200000;
  uint64_t count = 4096;
  __asm__ volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(value) : "memory");
  to = window + 0x300000, count = 4096;
  __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
  to = window + 0x200001, from = window + 0x300003, count = 8192;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
  return *(uint64_t *)(window + 0x201000);
}

/// Reads and writes one word in each of 4096 pages.
static uint64_t stride(uint64_t value) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < window_pages; i++) {
    volatile uint64_t *p = (volatile uint64_t *)(window + i * page + (i & 63) * 64);
    sum += *p;
    *p = sum ^ value;
  }
  return sum;
}

struct cell {
  struct cell *next;
  uint64_t value;
};

/// Links 4096 cells, spread over 256 KiB, into one ring in a scattered order.
static struct cell *link_cells(void) {
  uint8_t *base = window + 0x400000;
  for (unsigned i = 0; i < 4096; i++) {
    struct cell *cell = (struct cell *)(base + i * 64);
    cell->next = (struct cell *)(base + ((i * 1677 + 1) & 4095) * 64);
    cell->value = i;
  }
  return (struct cell *)base;
}

static uint64_t chase(struct cell *cell) {
  uint64_t sum = 0;
  for (int i = 0; i < 12000; i++) {
    sum += cell->value;
    cell = cell->next;
  }
  return sum ^ cell->value;
}

typedef uint16_t unaligned16 __attribute__((aligned(1)));
typedef uint32_t unaligned32 __attribute__((aligned(1)));
typedef uint64_t unaligned64 __attribute__((aligned(1)));

/// Bytes, words and doublewords with sign and zero extension, at odd addresses.
static uint64_t small_accesses(void) {
  volatile uint8_t *p = window + 0x500000;
  uint64_t sum = 0;
  for (unsigned i = 0; i < 4096; i++) {
    p[i] = (uint8_t)(sum + i);
    *(volatile unaligned16 *)(p + i + 5) = (uint16_t)(sum >> 3);
    sum += *(volatile unaligned32 *)(p + i + 1);
    sum += (uint64_t)(int64_t) * (volatile int8_t *)(p + i);
    sum ^= *(volatile unaligned64 *)(p + i + 3);
  }
  return sum;
}

/// 8-byte accesses that begin in one page and end in the next.
static uint64_t page_crossing(void) {
  uint64_t sum = 0;
  for (unsigned i = 1; i < 2000; i++) {
    uint8_t *boundary = window + 0x600000 + (i & 511) * page;
    volatile unaligned64 *p = (volatile unaligned64 *)(boundary - 1 - i % 7);
    sum += *p + i;
    *p = sum;
  }
  return sum;
}

uint64_t mix_run(void) {
  map_window();
  struct cell *cells = link_cells();
  uint64_t checksum = 0;
  for (int i = 0; i < REPEAT; i++) {
    for (int k = 0; k < 3; k++)
      checksum = mixed(checksum, copy());
    checksum = mixed(checksum, string_instructions(checksum));
    for (int k = 0; k < 4; k++)
      checksum = mixed(checksum, stride(checksum));
    cells = link_cells();
    checksum = mixed(checksum, chase(cells));
    checksum = mixed(checksum, small_accesses());
    checksum = mixed(checksum, page_crossing());
  }
  return checksum;
}

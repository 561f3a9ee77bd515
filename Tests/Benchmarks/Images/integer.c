// Integer arithmetic as compilers emit it: seven small kernels on 32- and 64-bit values.
#include "support.h"

const char mix_name[] = "integer";

static uint8_t bytes[65536];
static uint32_t words[4096];
static uint32_t crc_table[256];

/// Table-driven CRC-32 of 16 KiB.
static uint64_t crc32(uint64_t *seed) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++)
      c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
    crc_table[i] = c;
  }
  for (unsigned i = 0; i < 16384; i++)
    bytes[i] = (uint8_t)next_random(seed);
  uint32_t crc = ~0u;
  for (unsigned i = 0; i < 16384; i++)
    crc = crc_table[(crc ^ bytes[i]) & 255] ^ crc >> 8;
  return ~crc;
}

/// Steps of the Collatz sequence from 1500 starting points.
static uint64_t collatz(uint64_t *seed) {
  uint64_t steps = 0;
  for (int i = 0; i < 1500; i++)
    for (uint64_t n = (next_random(seed) & 0xffff) + 1; n != 1; steps++)
      n = n & 1 ? 3 * n + 1 : n >> 1;
  return steps;
}

/// Shell sort of 4096 32-bit values.
static uint64_t sort(uint64_t *seed) {
  for (unsigned i = 0; i < 4096; i++)
    words[i] = (uint32_t)next_random(seed);
  for (unsigned gap = 1821; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
    for (unsigned i = gap; i < 4096; i++) {
      uint32_t value = words[i];
      unsigned j = i;
      for (; j >= gap && words[j - gap] > value; j -= gap)
        words[j] = words[j - gap];
      words[j] = value;
    }
  return words[0] ^ (uint64_t)words[2048] << 32 ^ words[4095];
}

/// The sieve of Eratosthenes up to 65536, a byte for each number.
static uint64_t sieve(uint64_t *seed) {
  for (unsigned i = 0; i < 65536; i++)
    bytes[i] = 1;
  for (unsigned i = 2; i < 256; i++)
    if (bytes[i])
      for (unsigned j = i * i; j < 65536; j += i)
        bytes[j] = 0;
  uint64_t sum = next_random(seed) & 1;
  for (unsigned i = 2; i < 65536; i++)
    if (bytes[i])
      sum += i;
  return sum;
}

/// Greatest common divisors (32- and 64-bit DIV) and modular powers (MUL and DIV).
static uint64_t divide(uint64_t *seed) {
  uint64_t sum = 0;
  for (int i = 0; i < 1000; i++) {
    uint32_t a = (uint32_t)next_random(seed) | 1, b = (uint32_t)next_random(seed) | 1;
    while (b) {
      uint32_t r = a % b;
      a = b;
      b = r;
    }
    sum += a;
  }
  for (int i = 0; i < 100; i++) {
    uint64_t base = next_random(seed) & 0xffffffff, power = 1;
    for (uint64_t exponent = next_random(seed) >> 40; exponent; exponent >>= 1) {
      if (exponent & 1)
        power = power * base % 0xfffffffb;
      base = base * base % 0xfffffffb;
    }
    sum = mixed(sum, power);
  }
  return sum;
}

static uint32_t rotated(uint32_t x, int n) { return x << n | x >> (32 - n); }

/// 32-bit rotates, additions and exclusive-ors: the ChaCha20 block function, 400 times.
static uint64_t chacha(uint64_t *seed) {
  uint32_t state[16], x[16];
  for (int i = 0; i < 16; i++)
    state[i] = (uint32_t)next_random(seed);
  for (int block = 0; block < 400; block++) {
    for (int i = 0; i < 16; i++)
      x[i] = state[i];
#define QUARTER(a, b, c, d)                                                                        \
  x[a] += x[b], x[d] = rotated(x[d] ^ x[a], 16), x[c] += x[d], x[b] = rotated(x[b] ^ x[c], 12),    \
  x[a] += x[b], x[d] = rotated(x[d] ^ x[a], 8), x[c] += x[d], x[b] = rotated(x[b] ^ x[c], 7)
    for (int round = 0; round < 10; round++) {
      QUARTER(0, 4, 8, 12), QUARTER(1, 5, 9, 13), QUARTER(2, 6, 10, 14), QUARTER(3, 7, 11, 15);
      QUARTER(0, 5, 10, 15), QUARTER(1, 6, 11, 12), QUARTER(2, 7, 8, 13), QUARTER(3, 4, 9, 14);
    }
    for (int i = 0; i < 16; i++)
      state[i] += x[i];
  }
  return state[0] ^ (uint64_t)state[7] << 32;
}

/// A product of two 40 by 40 matrices of 64-bit values.
static uint64_t multiply(uint64_t *seed) {
  static uint64_t a[40][40], b[40][40];
  for (int i = 0; i < 40; i++)
    for (int j = 0; j < 40; j++)
      a[i][j] = next_random(seed), b[i][j] = next_random(seed);
  uint64_t sum = 0;
  for (int i = 0; i < 40; i++)
    for (int j = 0; j < 40; j++) {
      uint64_t element = 0;
      for (int k = 0; k < 40; k++)
        element += a[i][k] * b[k][j];
      sum = mixed(sum, element);
    }
  return sum;
}

uint64_t mix_run(void) {
  uint64_t checksum = 0, seed = 0x2545f4914f6cdd1d;
  for (int i = 0; i < REPEAT; i++) {
    checksum = mixed(checksum, crc32(&seed));
    checksum = mixed(checksum, collatz(&seed));
    checksum = mixed(checksum, sort(&seed));
    checksum = mixed(checksum, sieve(&seed));
    checksum = mixed(checksum, divide(&seed));
    checksum = mixed(checksum, chacha(&seed));
    checksum = mixed(checksum, multiply(&seed));
  }
  return checksum;
}

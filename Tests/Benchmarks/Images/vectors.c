// Vectors as C libraries and compilers use them: copying, searching, packed integers, and scalar and
// packed floating point.
#include <emmintrin.h>

#include "support.h"

const char mix_name[] = "vectors";

static uint8_t source[32768] __attribute__((aligned(64)));
static uint8_t target[32768 + 64] __attribute__((aligned(64)));
static double numbers[2048], weights[2048];
static float singles[4096];

/// Fills `source` with bytes of which one in some hundred is zero.
static void fill(uint64_t *seed) {
  for (unsigned i = 0; i < sizeof source; i += 8)
    *(uint64_t *)(source + i) = next_random(seed);
}

/// Copies 64 bytes at a time, to a misaligned place.
static uint64_t copy(void) {
  for (unsigned n = 0; n < 8; n++)
    for (unsigned i = 0; i < sizeof source; i += 64) {
      __m128i a = _mm_load_si128((__m128i *)(source + i));
      __m128i b = _mm_load_si128((__m128i *)(source + i + 16));
      __m128i c = _mm_load_si128((__m128i *)(source + i + 32));
      __m128i d = _mm_load_si128((__m128i *)(source + i + 48));
      _mm_storeu_si128((__m128i *)(target + i + n), a);
      _mm_storeu_si128((__m128i *)(target + i + n + 16), b);
      _mm_storeu_si128((__m128i *)(target + i + n + 32), c);
      _mm_storeu_si128((__m128i *)(target + i + n + 48), d);
    }
  return *(uint64_t *)(target + 4096);
}

/// Counts the zero bytes, as a search for the end of a string would find them.
static uint64_t search(void) {
  uint64_t found = 0;
  const __m128i zero = _mm_setzero_si128();
  for (unsigned n = 0; n < 8; n++)
    for (unsigned i = 0; i < sizeof source; i += 16) {
      __m128i here = _mm_cmpeq_epi8(_mm_load_si128((__m128i *)(source + i)), zero);
      unsigned mask = (unsigned)_mm_movemask_epi8(here);
      if (mask)
        found = mixed(found, i + (unsigned)__builtin_ctz(mask));
    }
  return found;
}

/// Sums, products, minima and shuffles of packed integers.
static uint64_t integers(void) {
  __m128i sum = _mm_setzero_si128(), least = _mm_set1_epi8(-1);
  for (unsigned n = 0; n < 4; n++)
    for (unsigned i = 0; i < sizeof source; i += 16) {
      __m128i a = _mm_load_si128((__m128i *)(source + i));
      __m128i low = _mm_unpacklo_epi8(a, least), high = _mm_unpackhi_epi8(a, sum);
      sum = _mm_add_epi32(sum, _mm_mullo_epi16(low, high));
      sum = _mm_xor_si128(sum, _mm_shuffle_epi32(_mm_sub_epi64(a, sum), 0x4e));
      sum = _mm_or_si128(_mm_and_si128(sum, a), _mm_slli_epi32(sum, 3));
      least = _mm_min_epu8(least, _mm_packus_epi16(low, high));
    }
  uint64_t words[4];
  _mm_storeu_si128((__m128i *)words, sum);
  _mm_storeu_si128((__m128i *)(words + 2), least);
  return words[0] ^ words[1] * 3 ^ words[2] * 5 ^ words[3] * 7;
}

/// A weighted sum, its root and a comparison at each step, on doubles.
static uint64_t doubles(uint64_t *seed) {
  for (unsigned i = 0; i < 2048; i++) {
    numbers[i] = (double)(int64_t)(next_random(seed) >> 20) / 3.0;
    weights[i] = (double)(int32_t)next_random(seed);
  }
  double sum = 0, largest = 0;
  uint64_t whole = 0;
  for (unsigned n = 0; n < 8; n++)
    for (unsigned i = 0; i < 2048; i++) {
      sum += numbers[i] * weights[i] - sum / 7.0;
      if (sum > largest)
        largest = sum;
      whole += (uint64_t)(int64_t)(numbers[i] / 1000.0);
    }
  union { double value; uint64_t bits; } a = {sum}, b = {largest};
  return a.bits ^ b.bits << 1 ^ whole;
}

/// Four singles at a time.
static uint64_t packed(uint64_t *seed) {
  for (unsigned i = 0; i < 4096; i++)
    singles[i] = (float)(int32_t)next_random(seed) / 65536.0f;
  __m128 sum = _mm_setzero_ps();
  for (unsigned n = 0; n < 4; n++)
    for (unsigned i = 0; i < 4096; i += 4) {
      __m128 a = _mm_loadu_ps(singles + i);
      sum = _mm_add_ps(_mm_mul_ps(a, _mm_set1_ps(0.5f)), _mm_sub_ps(sum, a));
    }
  float parts[4];
  _mm_storeu_ps(parts, sum);
  union { float value[2]; uint64_t bits; } a = {{parts[0] + parts[1], parts[2] - parts[3]}};
  return a.bits;
}

uint64_t mix_run(void) {
  uint64_t seed = 88172645463325252, checksum = 0;
  for (int i = 0; i < REPEAT; i++) {
    fill(&seed);
    checksum = mixed(checksum, copy());
    checksum = mixed(checksum, search());
    checksum = mixed(checksum, integers());
    checksum = mixed(checksum, doubles(&seed));
    checksum = mixed(checksum, packed(&seed));
  }
  return checksum;
}

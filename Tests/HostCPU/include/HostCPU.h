// Runs short pieces of user-mode code on the processor this program runs on.
//
// A forked child owns a fixed piece of the low address space: a page of code and a few pages of
// data. The parent writes a batch of cases into shared memory; the child loads the state of each
// case into the processor, enters the code, and reports what the signal that ends it shows. Code
// is surrounded by INT3, so running off its end is an exception like any other.
#ifndef HOST_CPU_H
#define HOST_CPU_H

#include <stdint.h>

// Where the case's code and data stand, in the child as in the machine compared with it.
#define HOST_CODE_ADDRESS 0x20000000ull
#define HOST_CODE_SIZE 4096u
#define HOST_DATA_ADDRESS 0x10000000ull
#define HOST_DATA_SIZE 8192u
// Cases in a batch, and initial data images that its cases choose from.
#define HOST_BATCH 1024u
#define HOST_CODE_LIMIT 128u

// The selectors of 64-bit and of 32-bit user code, and of flat data, as Linux has them.
#define HOST_CODE64_SELECTOR 0x33u
#define HOST_CODE32_SELECTOR 0x23u
#define HOST_DATA_SELECTOR 0x2Bu

// Outcomes that are not exception vectors.
#define HOST_OUTCOME_TIMEOUT 0x100u
#define HOST_OUTCOME_UNRUNNABLE 0x101u

// The user-visible state: registers in encoding order (RAX, RCX, RDX, RBX, RSP, ...), then an
// FXSAVE64 image, then bits 255:128 of the YMM registers (zero where the host has none), then the
// selectors of ES, CS, SS, DS, FS and GS. A state with the selector of 64-bit code has FS and GS null
// and the bases given; in one with that of 32-bit code the bases come from the selectors.
typedef struct {
  uint64_t registers[16];
  uint64_t rip;
  uint64_t rflags;
  uint64_t fs_base;
  uint64_t gs_base;
  uint8_t fx[512];
  uint8_t ymm_high[256];
  uint16_t segments[6];
  uint16_t reserved[2];
} HostState;

// A descriptor of the local table, by which 32-bit code finds segments that are not flat. Entry N
// has selector 8 N + 7. `kind` is 0 data, 1 data that expands down, 2 code.
typedef struct {
  uint32_t base;
  uint32_t limit;
  uint8_t kind;
  uint8_t is_big;
  uint8_t is_restricted;  // data that is not writable, code that is not readable
  uint8_t counts_pages;
  uint8_t is_absent;
} HostSegment;

#define HOST_SEGMENTS 12u
HostSegment host_segment(uint32_t index);

typedef struct {
  HostState before;
  uint32_t image;
  uint32_t code_length;
  uint8_t code[HOST_CODE_LIMIT];
  uint64_t reserved;
} HostCase;

typedef struct {
  HostState after;
  uint64_t outcome;     // exception vector, or HOST_OUTCOME_*
  uint64_t error_code;
  uint64_t cr2;
  uint64_t reserved;
  uint8_t data[HOST_DATA_SIZE];
} HostResult;

typedef struct HostRunner HostRunner;

// Makes a runner and its child; null where this host cannot run x86-64 code this way.
HostRunner *host_runner_create(void);
void host_runner_destroy(HostRunner *runner);

HostCase *host_runner_cases(HostRunner *runner);
HostResult *host_runner_results(HostRunner *runner);
// The data memory a case left behind.
const uint8_t *host_result_data(const HostResult *result);
// The initial data images, HOST_BATCH of them of HOST_DATA_SIZE bytes each.
uint8_t *host_runner_images(HostRunner *runner);

// Starts the first `count` cases; they and the images must be left alone until `wait` returns.
void host_runner_submit(HostRunner *runner, uint32_t count);
// Waits for the batch. A case that killed the child is reported unrunnable, and the rest go on.
void host_runner_wait(HostRunner *runner);

#endif

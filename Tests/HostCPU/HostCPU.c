#define _GNU_SOURCE
#include "HostCPU.h"

const uint8_t *host_result_data(const HostResult *result) { return result->data; }

static const HostSegment hostSegments[HOST_SEGMENTS] = {
  {HOST_DATA_ADDRESS, HOST_DATA_SIZE - 1, 0, 1, 0, 0, 0},
  {HOST_DATA_ADDRESS + 0x400, 0x1BFF, 0, 1, 0, 0, 0},
  {HOST_DATA_ADDRESS + 0xC00, 0x12FF, 0, 1, 0, 0, 0},
  {0, 0xFFFFF, 0, 1, 1, 1, 0},
  {HOST_DATA_ADDRESS, 0xFFF, 1, 1, 0, 0, 0},
  {HOST_DATA_ADDRESS, 0xFFF, 1, 0, 0, 0, 0},
  {0, 0xFFFFF, 2, 1, 1, 1, 0},
  {0, 0xFFFFF, 2, 1, 0, 1, 0},
  {HOST_DATA_ADDRESS, HOST_DATA_SIZE - 1, 0, 1, 0, 0, 1},
  {HOST_DATA_ADDRESS, HOST_DATA_SIZE - 1, 0, 0, 0, 0, 0},
  {HOST_CODE_ADDRESS, HOST_CODE_SIZE - 1, 2, 0, 0, 0, 0},
  {0, 0xFFFFF, 0, 1, 0, 1, 0},
};

HostSegment host_segment(uint32_t index) { return hostSegments[index % HOST_SEGMENTS]; }

#if defined(__x86_64__) && defined(__linux__)

#include <asm/ldt.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef HWCAP2_FSGSBASE
#define HWCAP2_FSGSBASE 2
#endif

// The block both processes see. `request` and `finished` count batches.
typedef struct {
  _Alignas(64) _Atomic uint32_t request;
  _Atomic uint32_t count;
  _Atomic uint32_t next;
  _Alignas(64) _Atomic uint32_t finished;
  _Alignas(4096) HostCase cases[HOST_BATCH];
  _Alignas(4096) uint8_t images[HOST_BATCH][HOST_DATA_SIZE];
  _Alignas(4096) HostResult results[HOST_BATCH];
  _Alignas(4096) uint8_t data[HOST_DATA_SIZE];
  _Alignas(4096) uint8_t code[HOST_CODE_SIZE];
} Shared;

struct HostRunner {
  Shared *shared;
  int memory;
  pid_t child;
};

void host_cpu_enter(const HostState *state);
extern uint32_t host_cpu_has_avx;
__attribute__((noreturn)) void host_cpu_leave(void);
void host_cpu_signal(int signal, siginfo_t *info, void *context);
void host_cpu_signal_body(int signal, siginfo_t *info, void *context);

// The child's own; the parent never touches them.
static Shared *childShared;
static HostResult *childResult;
static uint64_t childFSBase;
static uint64_t childCaseNumber;
static uint64_t childCaseSeenByTimer;
static uint8_t childSignalStack[65536] __attribute__((aligned(64)));

static void copy(void *destination, const void *source, size_t bytes) {
  __asm__ volatile("rep movsb" : "+D"(destination), "+S"(source), "+c"(bytes) : : "memory");
}

static void fill(void *destination, uint8_t value, size_t bytes) {
  __asm__ volatile("rep stosb" : "+D"(destination), "+c"(bytes) : "a"(value) : "memory");
}

// Linux puts an XSAVE area in the standard format behind the FXSAVE image and says so in bytes that
// the processor leaves to software.
static void captureYMM(const uint8_t *image, uint8_t *high) {
  uint32_t magic;
  uint64_t present;
  copy(&magic, image + 464, sizeof magic);
  copy(&present, image + 512, sizeof present);
  if (magic == 0x46505853 && (present & 4)) {
    copy(high, image + 576, 256);
  } else {
    fill(high, 0, 256);
  }
}

static void captureState(const ucontext_t *context, HostResult *result) {
  static const uint8_t order[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
  };
  const greg_t *from = context->uc_mcontext.gregs;
  HostState *to = &result->after;
  for (int i = 0; i < 16; i++) to->registers[i] = (uint64_t)from[order[i]];
  to->rip = (uint64_t)from[REG_RIP];
  to->rflags = (uint64_t)from[REG_EFL];
  const uint8_t *image = (const uint8_t *)context->uc_mcontext.fpregs;
  to->segments[1] = (uint16_t)from[REG_CSGSFS];
  to->segments[2] = (uint16_t)(from[REG_CSGSFS] >> 48);
  copy(to->fx, image, sizeof to->fx);
  captureYMM(image, to->ymm_high);
  result->outcome = (uint64_t)from[REG_TRAPNO];
  result->error_code = (uint64_t)from[REG_ERR];
  result->cr2 = (uint64_t)from[REG_CR2];
}

// Reads the selectors that a signal leaves alone, and makes them null as this program has them.
static void captureSelectors(uint16_t *segments) {
  __asm__ volatile(
      "movw %%es, %0\n movw %%ds, %1\n movw %%fs, %2\n movw %%gs, %3\n"
      "movl %4, %%es\n movl %4, %%ds\n movl %4, %%fs\n movl %4, %%gs"
      : "=m"(segments[0]), "=m"(segments[3]), "=m"(segments[4]), "=m"(segments[5])
      : "r"(0)
      : "memory");
}

// Every signal ends here, on the alternate stack, with the case's FS base still loaded: nothing
// on this path may use thread-local storage.
__attribute__((used, no_stack_protector)) void host_cpu_signal_body(
    int signal, siginfo_t *info, void *raw) {
  (void)info;
  const ucontext_t *context = raw;
  uint64_t rip = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
  if (signal == SIGVTALRM) {
    int inCase = rip - HOST_CODE_ADDRESS < HOST_CODE_SIZE;
    if (!inCase || childCaseSeenByTimer != childCaseNumber) {
      childCaseSeenByTimer = childCaseNumber;
      return;
    }
  }
  uint64_t fs, gs;
  __asm__ volatile("rdfsbase %0" : "=r"(fs));
  __asm__ volatile("rdgsbase %0" : "=r"(gs));
  uint16_t segments[6];
  captureSelectors(segments);
  __asm__ volatile("wrfsbase %0" : : "r"(childFSBase));
  HostResult *result = childResult;
  if (!result) _exit(1);
  copy(result->after.segments, segments, sizeof segments);
  captureState(context, result);
  result->after.fs_base = fs;
  result->after.gs_base = gs;
  if (signal == SIGVTALRM) result->outcome = HOST_OUTCOME_TIMEOUT;
  host_cpu_leave();
}

static void runCase(Shared *shared, uint32_t index) {
  HostCase *item = &shared->cases[index];
  HostResult *result = &shared->results[index];
  size_t offset = (size_t)(item->before.rip - HOST_CODE_ADDRESS);
  size_t length = item->code_length;
  if (offset >= HOST_CODE_SIZE || length > HOST_CODE_SIZE - offset || length > HOST_CODE_LIMIT
      || item->image >= HOST_BATCH) {
    result->outcome = HOST_OUTCOME_UNRUNNABLE;
    return;
  }
  result->outcome = HOST_OUTCOME_UNRUNNABLE;
  copy(shared->data, shared->images[item->image], HOST_DATA_SIZE);
  copy(shared->code + offset, item->code, length);
  childResult = result;
  childCaseNumber++;
  host_cpu_enter(&item->before);
  childResult = NULL;
  fill(shared->code + offset, 0xCC, length);
  copy(result->data, shared->data, HOST_DATA_SIZE);
}

static long futex(_Atomic uint32_t *word, int operation, uint32_t value,
                  const struct timespec *timeout) {
  return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

// After this a SYSCALL in a case kills the child instead of doing something.
static void forbidSystemCalls(void) {
  // The 32-bit calls have numbers of their own, and none of them is allowed.
#define ALLOW(number) \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(SYS_rt_sigreturn),
    ALLOW(SYS_futex),
    ALLOW(SYS_getppid),
    ALLOW(SYS_exit_group),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int mapCaseMemory(int memory) {
  void *data = mmap((void *)HOST_DATA_ADDRESS, HOST_DATA_SIZE, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_FIXED_NOREPLACE, memory, offsetof(Shared, data));
  void *code = mmap((void *)HOST_CODE_ADDRESS, HOST_CODE_SIZE, PROT_READ | PROT_EXEC,
                    MAP_SHARED | MAP_FIXED_NOREPLACE, memory, offsetof(Shared, code));
  return data == (void *)HOST_DATA_ADDRESS && code == (void *)HOST_CODE_ADDRESS;
}

static void installSegments(void) {
  for (uint32_t index = 0; index < HOST_SEGMENTS; index++) {
    const HostSegment *from = &hostSegments[index];
    struct user_desc entry = {0};
    entry.entry_number = index;
    entry.base_addr = from->base;
    entry.limit = from->limit;
    entry.contents = from->kind;
    entry.seg_32bit = from->is_big;
    entry.read_exec_only = from->is_restricted;
    entry.limit_in_pages = from->counts_pages;
    entry.seg_not_present = from->is_absent;
    entry.useable = 1;
    syscall(SYS_modify_ldt, 0x11, &entry, sizeof entry);
  }
}

static void installSignals(void) {
  stack_t stack = {.ss_sp = childSignalStack, .ss_size = sizeof childSignalStack};
  sigaltstack(&stack, NULL);
  struct sigaction action = {0};
  action.sa_sigaction = host_cpu_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART;
  static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGVTALRM};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    sigaction(signals[i], &action, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  struct itimerval interval = {{0, 10000}, {0, 10000}};
  setitimer(ITIMER_VIRTUAL, &interval, NULL);
}

__attribute__((noreturn, no_stack_protector)) static void childMain(HostRunner *runner,
                                                                    pid_t parent) {
  Shared *shared = runner->shared;
  childShared = shared;
  if (!mapCaseMemory(runner->memory)) _exit(2);
  // Nobody shall wait for the end of a pipe because this process has it too.
#ifdef SYS_close_range
  syscall(SYS_close_range, 3, ~0u, 0);
#endif
  fill(shared->code, 0xCC, HOST_CODE_SIZE);
  __asm__ volatile("rdfsbase %0" : "=r"(childFSBase));
  installSegments();
  installSignals();
  forbidSystemCalls();
  const struct timespec second = {1, 0};
  for (;;) {
    uint32_t request = shared->request;
    if (request == shared->finished) {
      futex(&shared->request, FUTEX_WAIT, request, &second);
      if (getppid() != parent) _exit(0);
      continue;
    }
    uint32_t count = shared->count;
    while (shared->next < count) {
      runCase(shared, shared->next);
      shared->next++;
    }
    shared->finished = request;
    futex(&shared->finished, FUTEX_WAKE, 1, NULL);
  }
}

// Leaves -1 for the child where the host refuses one; whoever waits tries again.
static void startChild(HostRunner *runner) {
  pid_t parent = getpid();
  runner->child = fork();
  if (runner->child == 0) childMain(runner, parent);
}

HostRunner *host_runner_create(void) {
  if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE)) return NULL;
  host_cpu_has_avx = __builtin_cpu_supports("avx") != 0;
  HostRunner *runner = calloc(1, sizeof *runner);
  if (!runner) return NULL;
  runner->memory = memfd_create("host-cpu", MFD_CLOEXEC);
  if (runner->memory < 0 || ftruncate(runner->memory, sizeof(Shared)) != 0) {
    free(runner);
    return NULL;
  }
  runner->shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED,
                        runner->memory, 0);
  if (runner->shared == MAP_FAILED) {
    close(runner->memory);
    free(runner);
    return NULL;
  }
  startChild(runner);
  return runner;
}

void host_runner_destroy(HostRunner *runner) {
  if (runner->child > 0) {
    kill(runner->child, SIGKILL);
    waitpid(runner->child, NULL, 0);
  }
  munmap(runner->shared, sizeof(Shared));
  close(runner->memory);
  free(runner);
}

HostCase *host_runner_cases(HostRunner *runner) { return runner->shared->cases; }
HostResult *host_runner_results(HostRunner *runner) { return runner->shared->results; }
uint8_t *host_runner_images(HostRunner *runner) { return runner->shared->images[0]; }

void host_runner_submit(HostRunner *runner, uint32_t count) {
  Shared *shared = runner->shared;
  shared->count = count < HOST_BATCH ? count : HOST_BATCH;
  shared->next = 0;
  shared->request++;
  futex(&shared->request, FUTEX_WAKE, 1, NULL);
}

// Marks the case the child died in, and goes on behind it in a new child.
static void replaceChild(HostRunner *runner) {
  Shared *shared = runner->shared;
  uint32_t victim = shared->next;
  if (victim < shared->count) {
    shared->results[victim].outcome = HOST_OUTCOME_UNRUNNABLE;
    shared->next = victim + 1;
  }
  startChild(runner);
}

void host_runner_wait(HostRunner *runner) {
  Shared *shared = runner->shared;
  const struct timespec tick = {0, 50000000};
  uint32_t lastNext = 0;
  int idleTicks = 0;
  for (;;) {
    uint32_t finished = shared->finished;
    if (finished == shared->request) return;
    futex(&shared->finished, FUTEX_WAIT, finished, &tick);
    if (shared->finished == shared->request) return;
    idleTicks = shared->next == lastNext ? idleTicks + 1 : 0;
    lastNext = shared->next;
    if (idleTicks > 200) {
      if (runner->child > 0) kill(runner->child, SIGKILL);
      idleTicks = 0;
    }
    if (runner->child < 0) {
      startChild(runner);
    } else if (waitpid(runner->child, NULL, WNOHANG) == runner->child) {
      replaceChild(runner);
    }
  }
}

#else

HostRunner *host_runner_create(void) { return 0; }
void host_runner_destroy(HostRunner *runner) { (void)runner; }
HostCase *host_runner_cases(HostRunner *runner) { (void)runner; return 0; }
HostResult *host_runner_results(HostRunner *runner) { (void)runner; return 0; }
uint8_t *host_runner_images(HostRunner *runner) { (void)runner; return 0; }
void host_runner_submit(HostRunner *runner, uint32_t count) { (void)runner; (void)count; }
void host_runner_wait(HostRunner *runner) { (void)runner; }

#endif

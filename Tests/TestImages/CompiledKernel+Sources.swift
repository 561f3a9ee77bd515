extension CompiledKernel {
  /// Calls `outer`, `middle` and, inlined, `inner`, whose INT3 ends in `handler`, which adds to
  /// `sum` for ever; the entry of the interrupt has no frame tables.
  public static let interrupted = """
    struct gate {
      unsigned short low, selector;
      unsigned char ist, type;
      unsigned short middle;
      unsigned high, zero;
    };
    static struct gate idt[32];
    __asm__(".globl stub\\nstub: push %rax\\npush %rcx\\npush %rdx\\npush %rsi\\npush %rdi\\n"
            "call handler\\npop %rdi\\npop %rsi\\npop %rdx\\npop %rcx\\npop %rax\\niretq\\n");
    void stub(void);
    volatile int depth, sum;
    void handler(void) {
      depth = 1;
      for (;;) sum++;
    }
    static inline __attribute__((always_inline)) int inner(int x) {
      __asm__ volatile("int3");
      return x + sum;
    }
    __attribute__((noinline)) int middle(int x) {
      return inner(x) * 3;
    }
    __attribute__((noinline)) int outer(int x) {
      return middle(x + 1) + 2;
    }
    void start(void) {
      unsigned long to = (unsigned long)stub;
      unsigned short cs;
      __asm__("mov %%cs, %0" : "=r"(cs));
      idt[3] = (struct gate){to, cs, 0, 0x8e, to >> 16, to >> 32, 0};
      struct {
        unsigned short limit;
        unsigned long base;
      } __attribute__((packed)) table = {sizeof idt - 1, (unsigned long)idt};
      __asm__ volatile("lidt %0" : : "m"(table));
      sum = outer(sum);
      for (;;) ;
    }

    """
}

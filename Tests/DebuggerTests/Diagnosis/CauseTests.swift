import Debugger
import Emulator
import TestImages
import Testing

/// Each usual cause is recognised where it is the cause.
@Suite struct CauseTests {
  static let causes: [(String, [UInt8], String)] = [
    (
      "SSE off",
      [0x0F, 0x20, 0xE0, 0x25, 0xFF, 0xFD, 0xFF, 0xFF, 0x0F, 0x22, 0xE0, 0x0F, 0x28, 0xC1],
      "SSE is not enabled: CR4.OSFXSR is 0"
    ),
    ("misaligned", [0x0F, 0x29, 0x44, 0x24, 0x01], "a misaligned stack or operand"),
    (
      "zeroes",
      [0x48, 0xB8, 0, 0, 0, 0, 0, 0x80, 0, 0, 0xB9, 0, 0, 0x30, 0, 0xFF, 0xE1],
      "execution ran or jumped into zeroes"
    ),
    (
      "not canonical", [0x48, 0xB8, 0, 0, 0, 0, 0, 0x80, 0, 0, 0x89, 0x00],
      "the address 0x800000000000 is not canonical"
    ),
    (
      "return", [0x48, 0xB8, 0, 0, 0, 0, 0, 0x80, 0, 0, 0x50, 0xC3],
      "the return address on the stack is not canonical: 0x800000000000"
    ),
    (
      "selector", [0x66, 0xB8, 0x50, 0x00, 0x8E, 0xD8],
      "a wrong segment selector: selector 0x50 lies beyond the GDT's limit"
    ),
    (
      "frame", [0x6A, 0x10, 0x54, 0x9C, 0x6A, 0x00, 0x68, 0x00, 0x00, 0x10, 0x00, 0x48, 0xCF],
      "the IRETQ frame is damaged: CS: the selector 0x0 is null"
    ),
    (
      // PUSH SS, RSP, RFLAGS, CS, RIP and an error code; MOV EAX, SS and CS first.
      "error code",
      [
        0x8C, 0xD0, 0x50, 0x54, 0x9C, 0x8C, 0xC8, 0x50, 0x68, 0x00, 0x00, 0x10, 0x00, 0x6A, 0x00,
        0x48, 0xCF,
      ], "an error code was left on the stack"
    ),
    ("overflow", [0xE8, 0xFB, 0xFF, 0xFF, 0xFF], "stack overflow"),
    (
      "IDT limit",
      [
        0x66, 0xC7, 0x04, 0x24, 0x5F, 0x00, 0x48, 0xC7, 0x44, 0x24, 0x02, 0x00, 0x00, 0x20, 0x00,
        0x0F, 0x01, 0x1C, 0x24, 0x0F, 0x0B,
      ], "IDT limit too small: vector 6 needs at least 0x6f"
    ),
    (
      "SWAPGS",
      [0xB9, 0x01, 0x01, 0x00, 0xC0, 0x31, 0xC0, 0xBA, 0x00, 0x7F, 0x00, 0x00, 0x0F, 0x30]
        + [0xB9, 0x02, 0x01, 0x00, 0xC0, 0x31, 0xC0, 0xBA, 0x00, 0x80, 0xFF, 0xFF, 0x0F, 0x30]
        + [0x65, 0x48, 0x8B, 0x04, 0x25, 0, 0, 0, 0], "SWAPGS imbalance"
    ),
  ]

  @Test(arguments: causes) func aCauseIsNamed(
    name: String, code: [UInt8], wanted: String
  ) throws {
    let machine = try Guests.bare(code)
    let stop = machine.run(limit: 10_000_000)
    #expect(stop == .shutdown, "\(name)")
    let text = machine.diagnosis(of: stop).text
    #expect(text.contains("likely: ") && text.contains(wanted), "\(name): \(text)")
  }

  @Test func onlyTheCauseIsNamed() throws {
    // A plain UD2 has nothing to do with most of them.
    let machine = try Guests.bare(TestCode.undefined)
    let text = machine.diagnosis(of: machine.run(limit: 10)).text
    #expect(text.ranges(of: "likely: ").count == 1)
  }

  /// What the kernels below begin with: descriptor tables, and gates for a few vectors.
  private static let prelude = """
    typedef unsigned long u64;
    typedef unsigned int u32;
    struct gate {
      unsigned short low, selector;
      unsigned char ist, type;
      unsigned short middle;
      u32 high, zero;
    };
    static struct gate idt[256];
    static u64 gdt[8] = {0, 0x00af9a000000ffff, 0x00cf92000000ffff, 0x00cff2000000ffff,
                         0x00affa000000ffff, 0, 0, 0};
    static struct {
      u32 reserved;
      u64 rsp[3];
      u64 more[10];
    } __attribute__((packed)) tss;
    struct table {
      unsigned short limit;
      u64 base;
    } __attribute__((packed));
    static void gate(int vector, void (*handler)(void), int dpl) {
      u64 to = (u64)handler;
      idt[vector] = (struct gate){to, 8, 0, 0x8e | dpl << 5, to >> 16, to >> 32, 0};
    }
    static void tables(void) {
      u64 at = (u64)&tss;
      gdt[5] = 0x0000890000000000 | (sizeof tss - 1) | (at & 0xffffff) << 16 | (at >> 24 & 0xff) << 56;
      gdt[6] = at >> 32;
      struct table g = {sizeof gdt - 1, (u64)gdt}, i = {sizeof idt - 1, (u64)idt};
      __asm__ volatile("lgdt %0; lidt %1; push $8; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"
                       "mov $16, %%eax; mov %%eax, %%ss; mov %%eax, %%ds; mov $0x28, %%eax; ltr %%ax"
                       : : "m"(g), "m"(i) : "rax", "memory");
    }
    static void timer(void) {
      volatile u32 *apic = (volatile u32 *)0xfee00000;
      apic[0xf0 / 4] = 0x1ff;
      apic[0x320 / 4] = 0x40;
      apic[0x380 / 4] = 10000;
    }
    void plain(void);
    __asm__("plain: iretq");

    """

  private func diagnosis(
    _ source: String, flags: [String] = ["-O1"], stop wanted: StopReason
  ) throws -> String {
    let image = try #require(try CompiledKernel.build(Self.prelude + source, flags: flags))
    let machine = try Guests.image(image)
    let stop = machine.run(limit: 50_000_000)
    #expect(stop == wanted)
    return machine.diagnosis(of: stop).text
  }

  @Test(.enabled(if: CompiledKernel.isAvailable, "no clang or no ld.lld in the search path"))
  func aMissingEOIIsSeen() throws {
    let text = try diagnosis(
      "void start(void) { tables(); gate(0x40, plain, 0); timer(); "
        + "for (;;) __asm__ volatile(\"sti; hlt\"); }", stop: .haltedForever)
    #expect(text.contains("missing EOI: vector 0x40 is still in service"), "\(text)")
  }

  @Test(.enabled(if: CompiledKernel.isAvailable, "no clang or no ld.lld in the search path"))
  func aTaskWithoutAStackIsSeen() throws {
    let text = try diagnosis(
      """
      void user(void);
      __asm__("user: int3");
      void start(void) {
        tables();
        gate(3, plain, 3);
        // User mode needs pages of its own.
        u64 *table;
        __asm__("mov %%cr3, %0" : "=r"(table));
        for (int level = 0; level < 3; level++) {
          u64 *next = (u64 *)(table[0] & 0xffffffffff000);
          table[0] |= 4;
          if (level == 2) for (int i = 0; i < 512; i++) table[i] |= 4;
          if (table[0] & 0x80) break;
          table = next;
        }
        for (int i = 0; i < 512; i++) table[i] |= 4;
        __asm__ volatile("push $0x1b; push $0x8000; push $2; push $0x23; lea user(%rip), %rax;"
                         "push %rax; iretq");
      }
      """, stop: .shutdown)
    #expect(text.contains("the TSS has no stack for this privilege level"), "\(text)")
  }

  @Test(.enabled(if: CompiledKernel.isAvailable, "no clang or no ld.lld in the search path"))
  func aRedZoneIsSeen() throws {
    let text = try diagnosis(
      """
      __attribute__((noinline)) int leaf(u64 wanted) {
        volatile u64 a[4] = {wanted, wanted, wanted, wanted};
        for (u64 i = 0; i < 100000; i++) __asm__ volatile("");
        return a[0] == wanted && a[1] == wanted && a[2] == wanted && a[3] == wanted;
      }
      void start(void) {
        tables();
        gate(0x40, plain, 0);
        timer();
        __asm__ volatile("sti");
        if (!leaf(0x1234567890)) __asm__ volatile("ud2");
        __asm__ volatile("cli; hlt");
      }
      """, flags: ["-O1", "-mred-zone", "-fomit-frame-pointer"], stop: .shutdown)
    #expect(text.contains("a red zone: leaf keeps data below its stack pointer"), "\(text)")
  }
}

/// The tables the processor reads by itself: segments, task state, interrupt gates.
/// SDM Vol. 3A, "Protected-Mode Memory Management"; "Interrupt and Exception Handling".
import KernelArch

/// Segment selectors.
///
/// SYSRET wants user data right before 64-bit user code, after one more.
enum Selector {
  static let kernelCode: UInt64 = 0x08
  static let kernelData: UInt64 = 0x10
  static let userCode32: UInt64 = 0x1b
  static let userData: UInt64 = 0x23
  static let userCode: UInt64 = 0x2b
  static let taskState: UInt16 = 0x30
  static let localTable: UInt16 = 0x40
}

enum InterruptVector {
  static let systemCall: UInt8 = 0x80
  static let doubleFault = 8
  static let pageFault = 14
  /// Above all devices, which have 0x30 to 0xdf.
  static let timer: UInt8 = 0xe0
  /// From here on interrupts between processors.
  static let reschedule: UInt8 = 0xf0
  static let call: UInt8 = 0xf1
  static let flush: UInt8 = 0xf2
  static let spurious: UInt8 = 0xff

  static var ownNames: [(UInt8, StaticString)] {
    [
      (timer, "local timer"), (reschedule, "reschedule"), (call, "function call"),
      (flush, "TLB shootdown"), (spurious, "spurious"),
    ]
  }
}

enum Descriptors {
  /// Loads GDT, TSS and IDT of the boot processor, and says where SYSCALL enters.
  static func load() {
    writeGates()
    setStacks(
      CPU.current, doubleFault: linker_double_fault_stack_top(),
      nonMaskable: linker_nmi_stack_top(), machineCheck: linker_machine_check_stack_top(),
      debug: linker_debug_stack_top())
    load(CPU.current)
  }

  /// Says where the exceptions go on that take no stack as it is.
  static func setStacks(
    _ cpu: CPU, doubleFault: UInt64, nonMaskable: UInt64, machineCheck: UInt64, debug: UInt64
  ) {
    cpu.entry.pointee.tss.ist1 = set_exception_stack(cpu.area, 1, doubleFault)
    cpu.entry.pointee.tss.ist2 = set_exception_stack(cpu.area, 2, nonMaskable)
    cpu.entry.pointee.tss.ist3 = set_exception_stack(cpu.area, 3, machineCheck)
    cpu.entry.pointee.tss.ist4 = set_exception_stack(cpu.area, 4, debug)
  }

  /// Loads the tables on the running processor, whose area this is; its stacks are chosen.
  static func load(_ cpu: CPU) {
    cpu.entry.pointee.tss.iomap = 104  // beyond the limit: ring 3 has no ports
    writeSegments(cpu.entry)
    load_gdt(address(of: &cpu.entry.pointee.gdt), 10 * 8 - 1)
    load_tr(Selector.taskState)
    load_idt(address(of: &idt_table), 256 * 16 - 1)
    prepareSystemCalls()
  }

  private static func address<T>(of value: inout T) -> UInt64 {
    withUnsafeMutablePointer(to: &value) { UInt64(UInt(bitPattern: $0)) }
  }

  private static func writeSegments(_ area: UnsafeMutablePointer<entry_area_t>) {
    let taskState = systemSegment(0x89, at: address(of: &area.pointee.tss), size: 104)
    let localTable = systemSegment(
      0x82, at: address(of: &area.pointee.local_table), size: UInt64(Segments.count * 8))
    // The accessed bits are set beforehand, so that the processor never writes to the table.
    area.pointee.gdt = (
      0,
      0x00af_9b00_0000_ffff,  // kernel code
      0x00cf_9300_0000_ffff,  // kernel data
      0x00cf_fb00_0000_ffff,  // 32-bit user code
      0x00cf_f300_0000_ffff,  // user data
      0x00af_fb00_0000_ffff,  // user code
      taskState.low, taskState.high,
      localTable.low, localTable.high
    )
  }

  /// The two halves of a descriptor whose base has 64 bits.
  private static func systemSegment(
    _ access: UInt64, at base: UInt64, size: UInt64
  ) -> (low: UInt64, high: UInt64) {
    let low = (size - 1) | (base & 0xff_ffff) << 16 | access << 40 | (base >> 24 & 0xff) << 56
    return (low, base >> 32)
  }

  private static func writeGates() {
    let stubs = linker_isr_stubs()
    withUnsafeMutableBytes(of: &idt_table) { table in
      let words = table.bindMemory(to: UInt64.self)
      for vector in 0..<256 {
        let entry = stubs &+ UInt64(vector) * 16
        let stack: UInt64 =
          vector == 8 ? 1 : vector == 2 ? 2 : vector == 18 ? 3 : vector == 1 ? 4 : 0
        let privilege: UInt64 =
          vector == 3 || Configuration.COMPATIBILITY && vector == Int(InterruptVector.systemCall)
          ? 3 : 0
        let interruptGate: UInt64 = 0x8e
        words[2 * vector] =
          entry & 0xffff | Selector.kernelCode << 16 | stack << 32
          | (interruptGate | privilege << 5) << 40 | (entry >> 16 & 0xffff) << 48
        words[2 * vector + 1] = entry >> 32
      }
    }
  }

  // SDM Vol. 3A, "Fast System Calls in 64-Bit Mode".
  private static func prepareSystemCalls() {
    wrmsr(0xc000_0102, 0)  // IA32_KERNEL_GS_BASE: the program's while the kernel runs
    wrmsr(0xc000_0081, Selector.userCode32 << 48 | Selector.kernelCode << 32)  // IA32_STAR
    wrmsr(0xc000_0082, address_of_syscall_entry())  // IA32_LSTAR
    wrmsr(0xc000_0083, address_of_syscall_compat())  // IA32_CSTAR: AMD only
    let hasSysenter = cpuid(1, 0).edx >> 11 & 1 != 0
    if Configuration.COMPATIBILITY, hasSysenter {
      wrmsr(0x174, Selector.kernelCode)  // IA32_SYSENTER_CS
      wrmsr(0x175, 0)  // IA32_SYSENTER_ESP: the entry takes its stack from the per-CPU area
      wrmsr(0x176, address_of_sysenter_entry())  // IA32_SYSENTER_EIP
    }
    let cleared: UInt64 = 0x4_7700  // AC, NT, IOPL, DF, IF, TF
    wrmsr(0xc000_0084, cleared)  // IA32_FMASK
  }
}

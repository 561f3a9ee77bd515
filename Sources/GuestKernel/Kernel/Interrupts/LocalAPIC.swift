/// The local APIC: takes interrupts for its processor, sends them to others, and has a timer.
/// SDM Vol. 3A, "Advanced Programmable Interrupt Controller (APIC)".
import KernelArch

enum LocalAPIC {
  private enum Register {
    static let id: UInt64 = 0x20
    static let taskPriority: UInt64 = 0x80
    static let processorPriority: UInt64 = 0xa0
    static let endOfInterrupt: UInt64 = 0xb0
    static let spurious: UInt64 = 0xf0
    static let command: UInt64 = 0x300
    static let commandHigh: UInt64 = 0x310
    static let timer: UInt64 = 0x320
    static let firstLocalInput: UInt64 = 0x350
    static let initialCount: UInt64 = 0x380
    static let currentCount: UInt64 = 0x390
    static let divide: UInt64 = 0x3e0
  }
  private static let baseMSR: UInt32 = 0x1b
  private static let masked: UInt32 = 1 << 16
  private static let deadlineMode: UInt32 = 1 << 18
  private static let divideBy16: UInt32 = 0x3

  /// IA32_APIC_BASE bit 10: firmware has switched to x2APIC mode, whose registers are MSRs.
  nonisolated(unsafe) private static var isX2APIC = false
  /// Where the registers are in the direct map; found by the boot processor.
  nonisolated(unsafe) private static var registers: UInt64 = 0
  static var base: PhysicalAddress { PhysicalAddress(rdmsr(baseMSR) & 0x000f_ffff_ffff_f000) }

  static var id: UInt32 {
    isX2APIC ? read(Register.id) : read(Register.id) >> 24
  }

  /// Finds the registers; before this nothing else here may be used.
  static func find() {
    isX2APIC = rdmsr(baseMSR) >> 10 & 1 != 0
    registers = base.value &+ Layout.directMap
  }

  /// Lets interrupts through to this processor, the timer still silent.
  static func start() {
    find()  // again: `kaslr` moves the direct map
    KernelSpace.ensureMapped(base, length: pageSize, isDevice: true)
    write(Register.timer, masked)
    write(Register.taskPriority, 0)
    write(Register.spurious, 0x100 | UInt32(InterruptVector.spurious))
  }

  /// Of what class of vectors this processor takes no interrupts: that one and all lower ones.
  static var taskPriority: UInt8 {
    get { UInt8(truncatingIfNeeded: read_cr8()) }
    set { write_cr8(UInt64(newValue)) }
  }

  /// Takes the 8259's vectors over LINT0, "virtual wire mode".
  static func acceptLegacyInterrupts() {
    let externalInterrupt: UInt32 = 0x700
    write(Register.firstLocalInput, externalInterrupt)
  }

  static func endOfInterrupt() { write(Register.endOfInterrupt, 0) }

  /// Counts down from the largest value, for calibration.
  static func startCounting() {
    write(Register.spurious, 0x100 | UInt32(InterruptVector.spurious))
    write(Register.timer, masked)
    write(Register.divide, divideBy16)
    write(Register.initialCount, .max)
  }

  /// How far it has come, at a moment between those at which its caller reads the time-stamp counter.
  static var counted: UInt64 {
    memory_fence()
    defer { memory_fence() }
    return UInt64(UInt32.max &- read(Register.currentCount))
  }

  static func stopCounting() { write(Register.initialCount, 0) }

  private static func read(_ register: UInt64) -> UInt32 {
    guard !isX2APIC else {
      return UInt32(truncatingIfNeeded: rdmsr(0x800 &+ UInt32(truncatingIfNeeded: register >> 4)))
    }
    return mmio_read32(registers &+ register)
  }

  private static func write(_ register: UInt64, _ value: UInt32) {
    guard !isX2APIC else {
      return wrmsr(0x800 &+ UInt32(truncatingIfNeeded: register >> 4), UInt64(value))
    }
    mmio_write32(registers &+ register, value)
  }
}

// MARK: The timer

extension LocalAPIC {
  /// CPUID leaf 1, ECX bit 24: the timer can wait for a value of the time-stamp counter.
  nonisolated(unsafe) private static var hasDeadline = false
  private static let deadlineMSR: UInt32 = 0x6e0

  static var timerKind: StaticString {
    hasDeadline ? "local APIC, TSC deadline" : "local APIC, one-shot"
  }

  /// The running processor's timer: for one interrupt at a time.
  static func startTimer() {
    hasDeadline = cpuid(1, 0).ecx >> 24 & 1 != 0
    write(Register.divide, divideBy16)
    write(Register.timer, UInt32(InterruptVector.timer) | (hasDeadline ? deadlineMode : 0))
    // SDM Vol. 3A, "TSC-Deadline Mode": the store above must come before a WRMSR of the deadline.
    memory_fence()
  }

  /// Asks for an interrupt at `deadline`, in nanoseconds since boot, or at once when that has passed.
  static func setTimer(at deadline: UInt64) {
    if hasDeadline {
      wrmsr(deadlineMSR, max(1, Clock.counter(at: deadline)))
      return
    }
    let now = Clock.nanoseconds
    let longest: UInt64 = 1_000_000_000  // then it is programmed again
    let wait = deadline > now ? min(deadline - now, longest) : 0
    let count = wait &* Clock.timerFrequency / 1_000_000_000
    write(Register.initialCount, UInt32(truncatingIfNeeded: min(max(1, count + 1), 0xffff_ffff)))
  }

  /// The class of the most important interrupt that this processor serves, or its task priority.
  static var processorPriority: UInt8 {
    UInt8(truncatingIfNeeded: read(Register.processorPriority) >> 4)
  }
}

// MARK: Interprocessor interrupts

extension LocalAPIC {
  /// What the interrupt command register sends: bits 8-10 the delivery mode, 14 the level.
  enum Command {
    static let nonMaskable: UInt32 = 0x4400
    static let initialize: UInt32 = 0x4500
    static func startup(at page: UInt64) -> UInt32 { 0x4600 | UInt32(page >> 12) }
    static func fixed(_ vector: UInt8) -> UInt32 { 0x4000 | UInt32(vector) }
    /// Destination shorthand: all but the sender.
    static let toOthers: UInt32 = 0b11 << 18
  }

  /// Sends to one processor, or where the command's shorthand says.
  static func send(_ command: UInt32, to destination: UInt32 = 0) {
    if isX2APIC {
      // Unlike a store to a register in memory, this WRMSR does not wait for earlier stores.
      memory_fence()
      wrmsr(0x830, UInt64(destination) << 32 | UInt64(command))
      return
    }
    Interrupts.off {
      waitUntilSent()
      write(Register.commandHigh, destination << 24)
      write(Register.command, command)
    }
  }

  /// Until the delivery status, bit 12, is idle again.
  private static func waitUntilSent() {
    while read(Register.command) >> 12 & 1 != 0 { cpu_pause() }
  }
}

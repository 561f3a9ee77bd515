/// The end: what the kernel prints when it cannot go on.
import KernelArch

enum Panic {
  /// The number of the processor that panicked first, and 1; or 0.
  nonisolated(unsafe) private static var panicking: UInt32 = 0
  /// Where the other processors were when they were stopped: instruction and frame, each its own.
  nonisolated(unsafe) private static var places: [(instruction: UInt64, thread: Int)] = []

  /// Locks are no longer waited for: their holders may never come back.
  static var isUnderWay: Bool { atomic_load32(&panicking) != 0 }

  /// Makes room for what the others will say, while memory can still be had.
  static func prepare() {
    places = Array(repeating: (0, 0), count: CPU.capacity)
  }

  /// Puts the headline on the console; a panic inside a panic ends at once.
  static func begin(_ reason: TextLine) {
    cpu_cli()
    if !atomic_replace32(&panicking, 0, percpu_index() + 1) {
      if panicking != percpu_index() + 1 { halt() }
      end()
    }
    CPU.stopOthers()
    KernelLog.isOnConsole = true
    Console.write("\n")
    log(.emergency, "PANIC", reason)
    if let thread = Scheduler.running {
      log(.emergency, "PANIC", "in thread \(thread.id) \(text: thread.name)")
    }
    if Taint.flags != 0 { log(.emergency, "PANIC", "tainted: \(Taint.letters)") }
  }

  /// The NMI of a panic elsewhere: says where this processor was, and stops.
  static func stop(_ frame: UnsafeMutablePointer<trap_frame>) -> Never {
    let index = Int(percpu_index())
    if index < places.count { places[index] = (frame.pointee.rip, 1) }
    Debugger.remember(frame)
    halt()
  }

  static func backtrace(from instruction: UInt64, frame: UInt64) {
    Console.write("Backtrace, innermost call first:\n")
    Backtrace.walk(from: instruction, frame: frame) { Console.write("\($0)\n") }
    printOthers()
  }

  private static func printOthers() {
    guard CPU.count > 1, !places.isEmpty else { return }
    Clock.poll(1_000_000) { allHaveStopped }
    for index in 0..<CPU.count where index != Int(percpu_index()) {
      guard places[index].thread != 0 else {
        Console.write("Processor \(index) does not answer.\n")
        continue
      }
      let address = places[index].instruction
      let isUser = address < Layout.userSpace.upperBound
      let place: TextLine = isUser ? "in ring 3" : Symbols.describe(address)
      Console.write("Processor \(index) was at \(hex: address, digits: 16)  \(place)\n")
    }
  }

  private static var allHaveStopped: Bool {
    for index in 0..<CPU.count where index != Int(percpu_index()) {
      if places[index].thread == 0 { return false }
    }
    return true
  }

  static func end() -> Never {
    Debugger.panicked()
    if Power.options.usesDebugExit { Power.debugExit(0x01) }
    if let seconds = Power.options.debug.panicSeconds, seconds > 0 {
      Console.write("Restart in \(seconds) seconds.\n")
      let end = Clock.nanoseconds + seconds * 1_000_000_000
      while Clock.nanoseconds < end { cpu_pause() }
      Power.reboot()
    }
    if Power.options.rebootsAfterPanic { Power.reboot() }
    Console.write("The kernel has stopped.\n")
    halt()
  }

  static func halt() -> Never {
    while true {
      cpu_cli()
      cpu_hlt()
    }
  }
}

/// Stops the kernel with a reason and the way that led there.
///
/// There is much to say, and this stack may be nearly full: it is said on that of interrupts.
func panic(_ reason: TextLine) -> Never {
  cpu_cli()
  let frame = UnsafePointer<UInt64>(OpaquePointer(pointer_to(read_rbp())))
  var report = PanicReport(reason: reason, instruction: frame[1], frame: frame[0])
  withUnsafeMutablePointer(to: &report) {
    InterruptStack.run({ makeReport($0) }, UInt64(UInt(bitPattern: $0)))
  }
  Panic.halt()
}

private struct PanicReport {
  let reason: TextLine
  let instruction: UInt64
  let frame: UInt64
}

private func makeReport(_ argument: UInt64) {
  let report = UnsafePointer<PanicReport>(OpaquePointer(pointer_to(argument)))
  Panic.begin(report.pointee.reason)
  Panic.backtrace(from: report.pointee.instruction, frame: report.pointee.frame)
  Panic.end()
}

/// Letters that make the kernel say where it stands or do something drastic, for the moment when nothing else
/// answers: written to /proc/sysrq-trigger, or sent over the console's line behind a BREAK.
///
/// A BREAK is no byte, so no program can be meant. The line's interrupt serves the letter itself: no thread has
/// to run for that and no memory is needed, only interrupts must be on.
import KernelArch

enum MagicKeys {
  static func start() {
    ProcFS.add(
      "sysrq-trigger",
      write: { text in
        guard let key = text.first else { return .invalidArgument }
        return serve(key, from: "/proc/sysrq-trigger")
      }
    ) { $0.append("\(help)\n") }
  }

  private static var help: TextLine {
    "b restart, c panic, g debugger, l backtrace, o power off, t threads, w who waits where"
  }

  // MARK: The console's line

  /// How long after a BREAK a letter is a key: five seconds.
  private static let patience: UInt64 = 5_000_000_000
  /// Zero when no BREAK has come.
  ///
  /// Lock: that of the console's input.
  nonisolated(unsafe) private static var deadline: UInt64 = 0

  /// Whether what has arrived, which may be a BREAK itself, is a key; a second BREAK withdraws the first.
  static func isAnnounced(byBreak isBreak: Bool) -> Bool {
    let now = Clock.nanoseconds
    let isExpected = now < deadline
    deadline = isBreak && !isExpected ? now + patience : 0
    return isExpected && !isBreak
  }

  /// From the interrupt, with no lock held.
  static func serve(_ key: UInt8) {
    if serve(key, from: "a BREAK on the console") != nil { Console.write("\(help)\n") }
  }

  // MARK: The keys

  private static func serve(_ key: UInt8, from place: StaticString) -> SystemError? {
    switch key {
    case 0x62: Power.reboot()
    case 0x63: panic("asked for by \(place)")
    case 0x67:
      guard Configuration.KGDB else { return .noSuchCall }
      Debugger.enter()
    case 0x6c:
      let frame = UnsafePointer<UInt64>(OpaquePointer(pointer_to(read_rbp())))
      Backtrace.walk(from: frame[1], frame: frame[0]) { Console.write("\($0)\n") }
    case 0x6f: Power.off()
    case 0x74: Scheduler.forEachThread { Console.write("\(describe($0))\n") }
    case 0x77:
      Scheduler.forEachThread { thread in
        ThreadReports.printStack(of: thread, title: { describe(thread) }) { Console.write($0) }
      }
    default: return .invalidArgument
    }
    return nil
  }

  private static func describe(_ thread: Thread) -> TextLine {
    "\(thread.id, width: 5) \(thread.state.name) \(text: thread.name)"
  }
}

/// Letters that make the kernel do something drastic, written to /proc/sysrq-trigger: for the moment when
/// nothing else answers, and for tests.
import KernelArch

enum MagicKeys {
  static func start() {
    ProcFS.add(
      "sysrq-trigger",
      write: { text in
        guard let key = text.first else { return .invalidArgument }
        return serve(key)
      }
    ) { $0.append("b restart, c panic, g debugger, l backtrace, o power off, t threads\n") }
  }

  private static func serve(_ key: UInt8) -> SystemError? {
    switch key {
    case 0x62: Power.reboot()
    case 0x63: panic("asked for by /proc/sysrq-trigger")
    case 0x67:
      guard Configuration.KGDB else { return .noSuchCall }
      Debugger.enter()
    case 0x6c:
      let frame = UnsafePointer<UInt64>(OpaquePointer(pointer_to(read_rbp())))
      Backtrace.walk(from: frame[1], frame: frame[0]) { Console.write("\($0)\n") }
    case 0x6f: Power.off()
    case 0x74: showThreads()
    default: return .invalidArgument
    }
    return nil
  }

  private static func showThreads() {
    for thread in Scheduler.threads {
      Console.write(
        "\(thread.id, width: 5) state \(thread.state.rawValue) \(text: thread.name)\n")
    }
  }
}

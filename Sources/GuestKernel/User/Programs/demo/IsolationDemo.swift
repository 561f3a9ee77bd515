/// Kernel page-table isolation: what of the kernel lies in the page tables that this program runs on, and
/// what it costs to change them at each call.
import Apus
import UserSystem

enum IsolationDemo {
  private static let file = [UInt8](text: "/proc/pti")
  /// In the kernel's code, but not in the part that leads into it.
  private static let kernelCode: UInt64 = 0x7fff_8018_0000
  private static let calls: UInt64 = 256

  static func run() -> Bool {
    let report = Report()
    guard let everything = report["kernel pages in ring 0"],
      let seen = report["kernel pages in ring 3"], let code = report["entry code"],
      let gates = report["interrupt gates"], let processors = report["processors"]
    else { return Demo.check(false, "/proc/pti says what is mapped") }
    let isOn = report.says("isolation: on")
    Demo.say("While this program makes a call, its page tables map \(everything) pages of the")
    Demo.say("kernel; while it runs in ring 3, \(seen).")
    if !isOn { return runWithout(everything == seen) }
    Demo.say("That is \(code) of code to enter by, \(gates) of interrupt gates, and for each")
    Demo.say("processor one with its segments and the stacks on which it arrives.")
    var passed = Demo.check(
      seen == code + gates + processors && seen < everything, "nothing else of the kernel is there")
    passed =
      Demo.check(
        cause() == .notMapped, "reading the kernel's code faults, since no page is there")
      && passed
    return compare() && passed
  }

  private static func runWithout(_ areSame: Bool) -> Bool {
    var passed = Demo.check(areSame, "pti=off: they are the same page tables")
    let cause = cause()
    passed =
      Demo.check(
        cause == .forbidden || cause == .notMapped && hasMoved,
        "reading the kernel's code faults, since the page is not for ring 3") && passed
    Demo.say("A processor that reads first and checks later, as many did until 2018, leaves traces")
    Demo.say("of what it read in its caches. With pti=on there is nothing to read.")
    Demo.say("A getpid takes \(cost()) ticks of the time-stamp counter. Boot with pti=on to")
    Demo.say("compare.")
    return passed
  }

  /// With `kaslr` the kernel is elsewhere, and nobody says where.
  private static var hasMoved: Bool {
    let line = (try? FileTree.contents(of: [UInt8](text: "/proc/cmdline"))) ?? []
    return Words.split(line).contains { $0.starts(with: "kaslr") }
  }

  // MARK: The fault

  private enum Cause {
    case notMapped
    case forbidden
    case other
  }

  /// What the signal's record says about a read of kernel memory, in a child.
  private static func cause() -> Cause {
    let pid = Child.start {
      SignalAction({ _, record, _ in
        // siginfo: number, error, code.
        System.exitNow(record?.load(fromByteOffset: 8, as: Int32.self) ?? 0)
      }).install(for: .segmentation)
      _ = do_read(kernelCode)
      return 0
    }
    switch Child.code(pid) {
    case 1: return .notMapped  // SEGV_MAPERR
    case 2: return .forbidden  // SEGV_ACCERR
    default: return .other
    }
  }

  // MARK: The cost

  /// In a child, which may run on the kernel's page tables for comparison.
  private static func compare() -> Bool {
    let pid = Child.start {
      let isolated = cost()
      guard (try? FileTree.write([0x30], to: file)) != nil else { return 2 }
      let isVisible = Report().says("this process: not isolated")
      let shared = cost()
      guard (try? FileTree.write([0x31], to: file)) != nil else { return 3 }
      let isHidden = Report().says("this process: isolated")
      Demo.say("A getpid takes \(isolated) ticks of the time-stamp counter; and, for the same")
      Demo.say("process with the kernel's page tables in ring 3 too, \(shared).")
      Output.flush()
      return isVisible && isHidden && isolated > shared ? 1 : 0
    }
    return Demo.check(
      Child.code(pid) == 1, "each call pays for two changes of CR3, and the way over another stack")
  }

  /// Of one call, the least of several tries.
  private static func cost() -> UInt64 {
    let getpid: UInt64 = 39
    var least = UInt64.max
    for _ in 0..<8 {
      let start = rdtsc()
      for _ in 0..<calls { _ = system_call(getpid, 0, 0, 0, 0) }
      least = min(least, (rdtsc() - start) / calls)
    }
    return least
  }

  // MARK: /proc/pti

  private struct Report {
    private let lines: [[UInt8]]

    init() {
      let text = (try? FileTree.contents(of: file)) ?? []
      lines = text.split(separator: 0x0a).map { Array($0) }
    }

    func says(_ line: StaticString) -> Bool { lines.contains { $0.equals(line) } }

    subscript(_ name: StaticString) -> UInt64? {
      let start = [UInt8](text: name) + [0x3a, 0x20]
      for line in lines where line.starts(with: start) {
        return Array(line.dropFirst(start.count)).decimal
      }
      return nil
    }
  }
}

/// Requests for memory that are refused on purpose, as Linux's failslab: `FailurePlan` says which.
///
/// Only those that a program has caused and that may be refused: what the Swift runtime asks for may not, nor
/// what the kernel's own threads need. A program then sees ENOMEM, or nothing at all where the kernel
/// tries again; whatever the operation had made before must be given back.
/// `echo every=40 > /proc/failures` begins, `echo off` ends, and the option `failures=every=40` begins
/// with the first program.
import KernelArch

enum AllocationFailures {
  @inline(__always)
  private static var isOn: Bool { Configuration.ALLOCATION_FAILURES && hasPlan }
  nonisolated(unsafe) private static var hasPlan = false
  private static let lock = SpinLock("failures")
  /// Lock: `lock`.
  nonisolated(unsafe) private static var plan: FailurePlan?

  static func start() {
    guard Configuration.ALLOCATION_FAILURES else { return }
    ProcFS.add("failures", write: { control($0) }) { describe(&$0) }
    let option = Power.options.failures
    if !option.isEmpty, control(option) != nil {
      log("failures", "not understood: \(text: option)")
    }
  }

  /// Called for each request of that kind that its caller can do without.
  @inline(__always)
  static func refuses(_ kind: FailurePlan.Kinds) -> Bool { isOn && decide(kind) }

  @inline(never)
  private static func decide(_ kind: FailurePlan.Kinds) -> Bool {
    guard !Context.isInterrupt, let process = Scheduler.running?.process else { return false }
    return lock.withLockIRQ { plan?.refuses(kind, by: process.pid) ?? false }
  }

  /// `off`, or a plan.
  private static func control(_ bytes: [UInt8]) -> SystemError? {
    guard !bytes.starts(with: "off") else {
      hasPlan = false
      return nil
    }
    guard let wanted = FailurePlan(bytes) else { return .invalidArgument }
    lock.withLockIRQ { plan = wanted }
    hasPlan = true
    return nil
  }

  private static func describe(_ text: inout Text) {
    guard let plan = lock.withLockIRQ({ plan }) else { return text.append("off\n") }
    let name: StaticString
    let number: UInt64
    switch plan.rule {
    case .only(let n): (name, number) = ("nth", n)
    case .every(let n): (name, number) = ("every", n)
    case .chance(let n): (name, number) = ("chance", n)
    }
    text.append("\(hasPlan ? "on" as StaticString : "off")\n\(name)=\(number)\n")
    if plan.process != 0 { text.append("process=\(plan.process)\n") }
    text.append("kinds")
    for (kind, name) in FailurePlan.Kinds.names where plan.kinds.contains(kind) {
      text.append(" \(name)")
    }
    text.append("\nrequests \(plan.requests)\nrefusals \(plan.refusals)\n")
  }
}

/// Variables of which each processor has its own: no lock, no atomic operation, no cache line in common.
import KernelArch

enum PerCPUDemo {
  nonisolated(unsafe) private static var plain: UInt32 = 0
  nonisolated(unsafe) private static var atomic: UInt32 = 0

  static func run() -> Bool {
    let each = 1000
    let total = UInt32(each * CPU.count)
    Demo.say("\(CPU.count) processors count to \(each), all at the same time, in three variables.")
    plain = 0
    atomic = 0
    let own = PerCPU<UInt32>(0)
    CPU.callAll {
      for _ in 0..<each {
        plain = slowly(plain) + 1
        _ = atomic_add32(&atomic, 1)
        own.current += 1
      }
    }
    var sum: UInt32 = 0
    for index in 0..<CPU.count { sum += own[index] }
    Demo.say(
      plain == total
        ? "a shared one without a lock: nothing was lost, by luck"
        : "a shared one without a lock: counts were lost")
    var passed = Demo.check(atomic == total, "a shared one with LOCK XADD: nothing is lost")
    passed =
      Demo.check(sum == total, "one for each processor, added up at the end: nothing is lost")
      && passed
    return passed
  }

  /// Some way between reading and writing.
  @inline(never)
  private static func slowly(_ value: UInt32) -> UInt32 {
    for _ in 0..<3 { cpu_pause() }
    return value
  }
}

/// `selftest` on the command line: checks, in the running kernel, what the host's tests cannot.
import KernelArch

enum SelfTest {
  nonisolated(unsafe) private static var progress: (first: UInt64, second: UInt64) = (0, 0)
  nonisolated(unsafe) private static var mustStop = false

  /// Runs on a kernel thread.
  static func run() {
    if Configuration.PREEMPTION { report("preemption of kernel threads", preemption()) }
    report("heap growth and return", heap())
    report("storm of frames", MemorySelfTest.frames())
    report("storm of objects", MemorySelfTest.objects())
    report("vmalloc and its guard page", MemorySelfTest.virtualMemory())
    report("spaces that fork give all back", MemorySelfTest.spaces())
    report("fault in user_copy", userCopy())
    report("no page writable and executable", protection())
    report("page tables of ring 3", IsolationTests.run())
    ProcessorTests.run()
    SchedulerTests.run()
    InterruptTests.run()
  }

  static func report(_ what: StaticString, _ passed: Bool) {
    log("test", "\(what): \(passed ? "passed" as StaticString : "FAILED")")
  }

  /// Two threads that never give the processor up: both get on only if the timer takes it away.
  private static func preemption() -> Bool {
    mustStop = false
    Thread.spawn("test-1") { SelfTest.spin { $0.first &+= 1 } }
    Thread.spawn("test-2") { SelfTest.spin { $0.second &+= 1 } }
    Thread.sleep(nanoseconds: 60_000_000)
    mustStop = true
    Thread.sleep(nanoseconds: 30_000_000)
    return progress.first > 0 && progress.second > 0
  }

  private static func spin(_ step: (inout (first: UInt64, second: UInt64)) -> Void) {
    while !stopIsRequested() { step(&progress) }
  }

  @inline(never)
  private static func stopIsRequested() -> Bool { mustStop }

  /// More than the first arena holds, in pieces; then everything comes back.
  private static func heap() -> Bool {
    let before = KernelHeap.bytesInUse
    do {
      var pieces: [[UInt8]] = []
      for size in 1...200 { pieces.append([UInt8](repeating: UInt8(size), count: size * 10)) }
      for (index, piece) in pieces.enumerated() where piece.last != UInt8(index + 1) {
        return false
      }
    }
    return KernelHeap.bytesInUse == before
  }

  private static func userCopy() -> Bool {
    UserMemory.read(0x1234_5000, count: 64) == nil
      && UserMemory.read(Layout.image, count: 64) == nil
      && !UserMemory.write([1, 2, 3], to: 0x1234_5000)
  }

  /// Walks everything the kernel maps.
  private static func protection() -> Bool {
    for slot in 0..<512 {
      let entry = PageTables.entry(KernelSpace.tables.root, slot).pointee
      if entry & 1 != 0, !isProtected(entry, level: 4) { return false }
    }
    return true
  }

  private static func isProtected(_ entry: UInt64, level: Int) -> Bool {
    if level == 1 || (level < 4 && entry & PageFlags.large.rawValue != 0) {
      let flags = PageFlags(rawValue: entry)
      return !flags.contains(.user) && (!flags.contains(.writable) || flags.contains(.noExecute))
    }
    let table = PhysicalAddress(entry & PageTables.addressMask)
    for index in 0..<512 {
      let next = PageTables.entry(table, index).pointee
      if next & 1 != 0, !isProtected(next, level: level - 1) { return false }
    }
    return true
  }
}

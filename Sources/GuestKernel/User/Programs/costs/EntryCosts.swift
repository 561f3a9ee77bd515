/// Ways into the kernel and out again: the three kinds of system call, signals, and the timer's tick.
import Apus
import UserSystem

enum EntryCosts {
  static func measure() {
    Cost.measure("getpid by SYSCALL") { _ = system_call(39, 0, 0, 0, 0) }
    Cost.measure("getpid by INT 80h") { _ = call_by_interrupt(39, 0, 0, 0) }
    sysenter()
    Cost.measure("a call that does not exist") { _ = system_call(999, 0, 0, 0, 0) }
    tick()
    signals()
  }

  /// In a child, since AMD's processors do not have it in this mode.
  private static func sysenter() {
    let pid = Cost.child {
      let stack: UInt64 = 0x1000_0000
      let flags: MapFlags = [.private, .anonymous, .fixed]
      guard (try? Memory.map(at: stack, size: 4096, [.read, .write], flags)) != nil else { return }
      var record: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 1)
      withUnsafeBytes(of: &record) { _ = Call.modify_ldt(1, $0.baseAddress, 16) }
      let code = address_of_compat_loop_sysenter()
      let one = Cost.least(8) { _ = compat_call(code, stack + 4096, 1) }
      let many = Cost.least(8) { _ = compat_call(code, stack + 4096, 101) }
      Cost.show("getpid by SYSENTER, from 32-bit code", (many - one) / 100)
    }
    if Cost.wait(pid) & 0x7f == 4 {
      say("  getpid by SYSENTER: this processor has it not in long mode\n")
    }
  }

  /// Between two looks at the counter lie a few instructions; where there are many more, the timer
  /// interrupted this program and gave the processor back.
  ///
  /// Not the least of them: some interrupts find nothing to do, since a timer that was cancelled stays
  /// programmed; some find more than the tick. The median is the tick's.
  private static func tick() {
    var gaps: [UInt64] = []
    var last = rdtsc()
    while gaps.count < 15 {
      let now = rdtsc()
      let gap = now - last
      last = now
      if gap < 200 { continue }
      gaps.append(gap)
      last = rdtsc()
    }
    let median = gaps.sorted(by: <)[gaps.count / 2]
    Cost.show("the timer's interrupt, from ring 3 and back", median - min(median, Cost.none))
  }

  nonisolated(unsafe) private static var arrival: UInt64 = 0

  private static func signals() {
    SignalAction({ _, _, _ in EntryCosts.arrival = rdtsc() }, flags: .restart).install(for: .user1)
    let own = Process.id
    var delivery = UInt64.max
    var back = UInt64.max
    for _ in 0..<16 {
      let start = rdtsc()
      _ = Call.kill(own, Signal.user1.rawValue)
      back = min(back, rdtsc() - arrival)
      delivery = min(delivery, arrival - start)
    }
    Cost.show("a signal to itself: from kill to its handler", delivery - min(delivery, Cost.none))
    Cost.show("from the handler back, by rt_sigreturn", back - min(back, Cost.none))
  }
}

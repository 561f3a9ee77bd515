/// Threads that the kernel knows nothing of: a scheduler inside the program, driven by SIGALRM.
///
/// The timer's signal interrupts whatever runs; its handler, on the running thread's own stack, switches to
/// the next thread's stack and returns there, out of the handler that had interrupted that one. The
/// kernel has saved each thread's registers in its signal frame, floating point and mask too, so that all
/// a switch has to keep is one stack pointer.
import UserSystem

package enum UserThreads {
  private struct Member {
    /// Where its registers lie while it does not run.
    var stackPointer: UInt64
    var stack: UInt64
    var body: (() -> Void)?
    var hasEnded = false
  }

  private static let stackSize: UInt64 = 65536
  nonisolated(unsafe) private static var members: [Member] = []
  nonisolated(unsafe) private static var running = 0
  /// Switches that the timer made.
  nonisolated(unsafe) package private(set) static var preemptions = 0

  /// Adds a thread; it runs when `run` is called.
  package static func add(_ body: @escaping () -> Void) throws(SystemError) {
    // The caller is the first.
    if members.isEmpty { members.append(Member(stackPointer: 0, stack: 0, body: nil)) }
    let stack = try Memory.map(size: stackSize)
    let top = stack + stackSize - 56  // as after a call: 8 more than a multiple of 16
    // Seven words: what switch_stack pops, and where it returns to.
    let words = Memory.words(top - 56)
    for index in 0..<6 { words[index] = 0 }
    words[6] = UInt64(UInt(bitPattern: unsafeBitCast(begin, to: UnsafeRawPointer.self)))
    members.append(Member(stackPointer: top - 56, stack: stack, body: body))
  }

  /// Runs all threads, each for `microseconds` at a time, until the last has ended.
  package static func run(slice microseconds: Int64) {
    SignalAction({ _, _, _ in UserThreads.tick() }, flags: .restart).install(for: .alarm)
    setTimer(microseconds)
    while hasOthers {
      // The caller has nothing to do: it gives its slices away at once.
      let old = SignalMask.change(.block, Signal.alarm.mask)
      switchAway()
      SignalMask.change(.set, old)
    }
    setTimer(0)
    SignalAction.standard.install(for: .alarm)
    for member in members where member.stack != 0 { Memory.unmap(member.stack, size: stackSize) }
    members = []
    running = 0
  }

  private static var hasOthers: Bool {
    for (index, member) in members.enumerated() where index > 0 && !member.hasEnded { return true }
    return false
  }

  private static func setTimer(_ microseconds: Int64) {
    let value = [0, microseconds, 0, microseconds]
    Call.setitimer(0, value, nil)
  }

  /// The handler: SIGALRM is blocked until it returns, in whichever thread.
  private static func tick() {
    preemptions += 1
    switchAway()
  }

  /// To the next thread that has not ended; SIGALRM is blocked.
  private static func switchAway() {
    let old = running
    var next = old
    repeat { next = (next + 1) % members.count } while members[next].hasEnded
    guard next != old else { return }
    running = next
    let target = members[next].stackPointer
    members.withUnsafeMutableBufferPointer { switch_stack(&$0[old].stackPointer, target) }
  }

  /// A thread's first function.
  private static let begin: @convention(c) () -> Void = {
    let body = UserThreads.takeBody()
    SignalMask.change(.unblock, Signal.alarm.mask)
    body?()
    SignalMask.change(.block, Signal.alarm.mask)
    UserThreads.end()
  }

  private static func takeBody() -> (() -> Void)? {
    let body = members[running].body
    members[running].body = nil
    return body
  }

  private static func end() {
    members[running].hasEnded = true
    switchAway()
    do_undefined()  // nobody comes back here
  }
}

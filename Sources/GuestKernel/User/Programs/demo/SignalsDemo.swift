/// Signals: handlers with the state of the interrupted code saved beneath them, masks, another stack, and
/// system calls that start again.
import Apus
import UserSystem

nonisolated(unsafe) private var count: Int32 = 0
nonisolated(unsafe) private var lastSignal: Int32 = 0
nonisolated(unsafe) private var faultAddress: UInt64 = 0
nonisolated(unsafe) private var handlerStack: UInt64 = 0
nonisolated(unsafe) private var depth: Int32 = 0
nonisolated(unsafe) private var deepest: Int32 = 0
nonisolated(unsafe) private var page: UInt64 = 0

enum SignalsDemo {
  static func run() -> Bool {
    var passed = handler()
    passed = masks() && passed
    passed = fault() && passed
    passed = alternateStack() && passed
    passed = restart() && passed
    return defaults() && passed
  }

  private static func install(_ signal: Signal, _ flags: SignalAction.Flags) {
    SignalAction(
      { number, _, _ in
        count += 1
        lastSignal = number
        var here = 0
        handlerStack = withUnsafeBytes(of: &here) { UInt64(UInt(bitPattern: $0.baseAddress)) }
      }, flags: flags
    ).install(for: signal)
  }

  private static func raise(_ signal: Signal) {
    Call.kill(Process.id, signal.rawValue)
  }

  private static func handler() -> Bool {
    install(.user1, .restart)
    count = 0
    // In floating-point registers while the signal arrives.
    var sum = 0.5
    for _ in 0..<10 {
      raise(.user1)
      sum += 0.25
    }
    Demo.say("A handler for SIGUSR1, and ten of them sent to ourselves.")
    return Demo.check(count == 10 && sum == 3.0, "it ran ten times; the program went on unchanged")
  }

  private static func masks() -> Bool {
    install(.user2, [])
    count = 0
    SignalMask.change(.block, Signal.user2.mask)
    raise(.user2)
    raise(.user2)
    var pending: UInt64 = 0
    Call.rt_sigpending(&pending, 8)
    let isHeld = Demo.check(
      count == 0 && pending & Signal.user2.mask != 0,
      "SIGUSR2 is held back while blocked, and pending")
    SignalMask.change(.unblock, Signal.user2.mask)
    let once = Demo.check(count == 1, "unblocked, it arrives once, though sent twice")
    return nesting() && isHeld && once
  }

  /// In its own handler a signal is blocked, unless SA_NODEFER says otherwise.
  private static func nesting() -> Bool {
    let recursive: SignalAction.Handler = { _, _, _ in
      depth += 1
      deepest = max(deepest, depth)
      count += 1
      if count < 3 { Call.kill(Process.id, Signal.user2.rawValue) }
      depth -= 1
    }
    (count, deepest) = (0, 0)
    SignalAction(recursive, flags: []).install(for: .user2)
    raise(.user2)
    let after = Demo.check(
      count == 3 && deepest == 1,
      "a handler that sends its own signal is called again after it returns")
    (count, deepest) = (0, 0)
    SignalAction(recursive, flags: .noDefer).install(for: .user2)
    raise(.user2)
    return Demo.check(count == 3 && deepest == 3, "with SA_NODEFER, inside itself") && after
  }

  /// The handler maps what was missing, and the instruction starts again.
  private static func fault() -> Bool {
    guard let at = try? Memory.map(size: 4096, []) else { return false }
    page = at
    SignalAction(
      { _, record, _ in
        faultAddress = record?.load(fromByteOffset: 24, as: UInt64.self) ?? 0
        Memory.protect(page, size: 4096, [.read, .write])
      }, flags: .information
    ).install(for: .segmentation)
    Memory.words(at)[5] = 77
    SignalAction.standard.install(for: .segmentation)
    Demo.say("A write to a page without permission: SIGSEGV; the handler permits it and returns.")
    var passed = Demo.check(faultAddress == at + 40, "the handler was told the address")
    passed =
      Demo.check(Memory.words(at)[5] == 77, "the write was made again and succeeded") && passed
    return passed
  }

  private static func alternateStack() -> Bool {
    guard let base = try? Memory.map(size: 16384) else { return false }
    var stack: (UInt64, UInt64, UInt64) = (base, 0, 16384)
    withUnsafeBytes(of: &stack) { _ = Call.sigaltstack($0.baseAddress, nil) }
    install(.user1, .alternateStack)
    raise(.user1)
    return Demo.check(
      handlerStack > base && handlerStack < base + 16384,
      "with SA_ONSTACK it runs on a stack of its own")
  }

  /// A read that waits is interrupted by SIGALRM: with SA_RESTART it goes on waiting, else it fails.
  private static func restart() -> Bool {
    guard let pipe = try? Descriptor.pipe() else { return false }
    install(.alarm, [])
    setTimer(milliseconds: 20)
    var byte: UInt8 = 0
    let plain = Call.read(pipe.reading.rawValue, &byte, 1)
    let fails = Demo.check(
      plain.error == .interrupted, "read() interrupted by SIGALRM fails: EINTR")
    install(.alarm, .restart)
    count = 0
    let writer = Child.start {
      Time.sleep(nanoseconds: 100_000_000)
      return Call.write(pipe.writing.rawValue, [0x78] as [UInt8], 1).isSuccess ? 0 : 1
    }
    setTimer(milliseconds: 20)
    let again = Call.read(pipe.reading.rawValue, &byte, 1)
    _ = Child.wait(writer)
    return Demo.check(
      again.isSuccess && byte == 0x78 && count == 1,
      "with SA_RESTART the handler runs, and the same read() gets what comes later") && fails
  }

  private static func setTimer(milliseconds: Int64) {
    let value: [Int64] = [0, 0, 0, milliseconds * 1000]
    Call.setitimer(0, value, nil)
  }

  private static func defaults() -> Bool {
    let spin = { () -> Int32 in while true { Call.sched_yield() } }
    let ended = Child.start(spin)
    Call.kill(ended, Signal.terminate.rawValue)
    var passed = Demo.check(
      Child.signal(ended) == 15, "SIGTERM ends a child that says nothing about it")
    let job = Child.start(spin)
    var word: UInt32 = 0
    Call.setpgid(job, job)
    Call.kill(job, Signal.stop.rawValue)
    Call.wait4(job, &word, 2, nil)
    passed = Demo.check(word == 19 << 8 | 0x7f, "SIGSTOP stops it, and wait4 says so") && passed
    Call.kill(job, Signal.continue.rawValue)
    Call.wait4(job, &word, 8, nil)
    passed = Demo.check(word == 0xffff, "SIGCONT lets it go on, and wait4 says so") && passed
    Call.kill(job, Signal.kill.rawValue)
    return Demo.check(Child.signal(job) == 9, "SIGKILL ends it") && passed
  }
}

/// Signals that queue, waiting for signals, and timers that send them.
import Apus

private let nowhere = UnsafeMutableRawPointer(bitPattern: 0x7000_0000)
private let first = Signal.realTime(4)
private let millisecond: UInt64 = 1_000_000

/// Runs `body` with signals held back.
private func holding(_ mask: UInt64, _ check: Check, _ body: () throws(SystemError) -> Void) {
  let old = SignalMask.change(.block, mask)
  do throws(SystemError) {
    try body()
  } catch {
    check.expect(false, "\(error.symbol) where nothing should fail")
  }
  SignalMask.change(.set, old)
}

let signalQueueTests: [UserTest] = [
  UserTest(name: "queued-signals") { check in
    holding(first.mask | Signal.user1.mask, check) { () throws(SystemError) in
      for value in 0..<5 { try first.queue(to: Process.id, value: UInt64(value)) }
      for value in 0..<5 {
        let record = try Signal.wait(for: first.mask)
        check.expect(record.value == UInt64(value), "\(record.value) instead of \(value)")
        check.expect(record.pid == Process.id && record.code == -1, "from whom, and how")
      }
      for value in 7..<9 { try Signal.user1.queue(to: Process.id, value: UInt64(value)) }
      check.expect(try Signal.wait(for: Signal.user1.mask).value == 7, "of the others the first")
      var none: [UInt64] = [0, 0]
      var set = Signal.user1.mask
      check.fails(Call.rt_sigtimedwait(&set, nil, &none, 8), .tryAgain, "and no second one")
      // What is sent twice by kill waits twice, with who sent it.
      for _ in 0..<2 { check.succeeds(Call.kill(Process.id, first.rawValue), "kill") }
      for _ in 0..<2 {
        let record = try Signal.wait(for: first.mask)
        check.expect(record.code == 0 && record.pid == Process.id, "by kill")
      }
      check.succeeds(Call.tkill(Process.id, first.rawValue), "tkill")
      check.expect(try Signal.wait(for: first.mask).code == -6, "by tkill")
    }
  },
  UserTest(name: "signal-queue-full") { check in
    holding(first.mask, check) { () throws(SystemError) in
      try ResourceLimit.set(.pendingSignals, 10, 128)
      var error: SystemError?
      var count = 0
      while error == nil, count < 1000 {
        do throws(SystemError) {
          try first.queue(to: Process.id, value: 1)
          count += 1
        } catch let failure {
          error = failure
        }
      }
      check.expect(count == 10 && error == .tryAgain, "\(count) signals, then EAGAIN")
      for _ in 0..<count { _ = try Signal.wait(for: first.mask, nanoseconds: 0) }
    }
  },
  UserTest(name: "wait-for-signal") { check in
    holding(first.mask, check) { () throws(SystemError) in
      let parent = Process.id
      let child = try Process.fork()
      if child == 0 {
        Time.sleep(nanoseconds: 20 * millisecond)
        let isSent = (try? first.queue(to: parent, value: 5)) != nil
        System.exitNow(isSent ? 0 : 1)
      }
      let record = try Signal.wait(for: first.mask)
      check.expect(record.value == 5 && record.pid == child, "woken by it")
      _ = try Process.wait(for: child)
      let begin = Time.sinceBoot
      var set = first.mask
      var span: [UInt64] = [0, 5 * millisecond]
      check.fails(Call.rt_sigtimedwait(&set, nil, &span, 8), .tryAgain, "nobody sends one")
      check.expect(Time.sinceBoot - begin >= 5 * millisecond, "after the time")
      span[1] = 2_000_000_000
      check.fails(Call.rt_sigtimedwait(&set, nil, &span, 8), .invalidArgument, "no such time")
      check.fails(Call.rt_sigtimedwait(nowhere, nil, nil, 8), .badAddress, "for what?")
      check.fails(Call.rt_sigtimedwait(&set, nil, nil, 7), .invalidArgument, "of another size")
      try first.queue(to: parent, value: 5)
      check.fails(Call.rt_sigtimedwait(&set, nowhere, nil, 8), .badAddress, "told nowhere")
    }
  },
  UserTest(name: "wait-interrupted") { check in
    // A handler of another signal ends the waiting.
    SignalAction({ _, _, _ in }, flags: .restart).install(for: .alarm)
    holding(first.mask, check) { () throws(SystemError) in
      let timer = try SignalTimer(.alarm)
      // The first may come before the wait.
      try timer.start(after: 5 * millisecond, every: 5 * millisecond)
      var set = first.mask
      check.fails(Call.rt_sigtimedwait(&set, nil, nil, 8), .interrupted, "by a handler")
      timer.delete()
    }
  },
  UserTest(name: "sigqueue-errors") { check in
    var record = SignalRecord()
    record.code = SignalRecord.byQueue
    withUnsafeMutableBytes(of: &record) { bytes in
      let at = bytes.baseAddress
      check.succeeds(Call.rt_sigqueueinfo(Process.id, 0, at), "signal 0 only asks")
      check.fails(Call.rt_sigqueueinfo(99_999, 34, at), .noSuchProcess, "to nobody")
      check.fails(Call.rt_sigqueueinfo(Process.id, 65, at), .invalidArgument, "signal 65")
      check.fails(Call.rt_sigqueueinfo(Process.id, 34, nowhere), .badAddress, "what?")
    }
    record.code = SignalRecord.byKernel
    withUnsafeMutableBytes(of: &record) { bytes in
      check.fails(
        Call.rt_sigqueueinfo(Process.id, 34, bytes.baseAddress), .notPermitted,
        "as if the kernel sent it")
    }
    let parent = Process.id
    let isRefused = inChild {
      guard Call.setuid(1000).isSuccess else { return 1 }
      var record = SignalRecord()
      record.code = SignalRecord.byQueue
      let outcome = withUnsafeBytes(of: &record) {
        Call.rt_sigqueueinfo(parent, 34, $0.baseAddress)
      }
      return outcome.error == .notPermitted ? 0 : 2
    }
    check.expect(isRefused == .exited(code: 0), "not to another user's")
  },
  UserTest(name: "timers") { check in
    holding(first.mask, check) { () throws(SystemError) in
      let timer = try SignalTimer(first, value: 9)
      try timer.start(after: 5 * millisecond, every: millisecond)
      check.expect(timer.left > 0 && timer.left <= 5 * millisecond, "time is left")
      let record = try Signal.wait(for: first.mask)
      check.expect(record.code == -2 && record.value == 9, "by the timer")
      Time.sleep(nanoseconds: 10 * millisecond)
      let late = try Signal.wait(for: first.mask)
      check.expect(late.status >= 8, "\(late.status) were missed")
      let count = check.succeeds(Call.timer_getoverrun(timer.number), "timer_getoverrun")
      check.expect(count == UInt64(late.status), "the same count")
      try timer.stop()
      check.expect(timer.left == 0, "it is off")
      // At a point in time, of the clock on the wall.
      var value = TimerValue()
      value.first = Timespec(total: (Time.ofDay ?? 0) + 2 * millisecond)
      _ = withUnsafeBytes(of: &value) {
        check.succeeds(Call.timer_settime(timer.number, 1, $0.baseAddress, nil), "absolute")
      }
      check.fails(Call.timer_settime(timer.number, 0, nowhere, nil), .badAddress, "when?")
      timer.delete()
      check.fails(Call.timer_gettime(timer.number, &value), .invalidArgument, "it is gone")
      check.fails(Call.timer_delete(timer.number), .invalidArgument, "twice")
    }
  },
  UserTest(name: "timer-errors") { check in
    var event = SignalEvent()
    var number: Int32 = 0
    check.fails(Call.timer_create(99, &event, &number), .invalidArgument, "of no clock")
    check.fails(Call.timer_create(1, nowhere, &number), .badAddress, "an event from nothing")
    check.fails(Call.timer_create(1, &event, nowhere), .badAddress, "a number to nothing")
    event.signal = 99
    check.fails(Call.timer_create(1, &event, &number), .invalidArgument, "signal 99")
    event.signal = 14
    event.manner = 9
    check.fails(Call.timer_create(1, &event, &number), .invalidArgument, "in no manner")
    event.manner = SignalEvent.toThread
    event.thread = 99_999
    check.fails(Call.timer_create(1, &event, &number), .invalidArgument, "to no thread")
    check.fails(Call.timer_getoverrun(77), .invalidArgument, "of no timer")
    check.fails(Call.timer_settime(-1, 0, &event, nil), .invalidArgument, "of timer -1")
    event.manner = SignalEvent.none
    var made = 0
    while made < 1000, Call.timer_create(1, &event, &number).isSuccess { made += 1 }
    check.fails(Call.timer_create(1, &event, &number), .tryAgain, "after \(made) timers")
    check.expect(inChild { Call.timer_delete(0).isSuccess ? 1 : 0 } == .exited(code: 0), "no heirs")
  },
]

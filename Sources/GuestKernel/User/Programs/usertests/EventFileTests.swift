/// Files made to be waited for: eventfd and signalfd; and waiting with another signal mask.
import Apus

private let nowhere = UnsafeMutableRawPointer(bitPattern: 0x7000_0000)
private let first = Signal.realTime(4)

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

private func isReady(_ descriptor: Descriptor, _ events: PollEvents) throws(SystemError) -> Bool {
  var records = [PollRecord(descriptor: descriptor.rawValue, events: events)]
  return try Descriptor.poll(&records, milliseconds: 0) == 1
}

/// Until the process sleeps in the kernel; false when it never does.
private func sleeps(_ pid: Int32) -> Bool {
  for _ in 0..<10_000 {
    let record = System.processes().first { $0.pid == UInt32(pid) }
    if record?.state == ProcessRecord.State.waiting.rawValue { return true }
    Time.sleep(nanoseconds: 1_000_000)
  }
  return false
}

let eventFileTests: [UserTest] = [
  UserTest(name: "event-counter") { check in
    holding(0, check) { () throws(SystemError) in
      let counter = try EventCounter(3)
      check.expect(try isReady(counter.descriptor, .readable), "3 to take")
      try counter.add(4)
      check.expect(try counter.take() == 7, "the sum")
      check.expect(try !isReady(counter.descriptor, .readable), "nothing is left")
      try counter.add(UInt64.max - 1)
      check.expect(try !isReady(counter.descriptor, .writable), "it is full")
      let child = try Process.fork()
      if child == 0 { System.exitNow((try? counter.add(1)) != nil ? 0 : 1) }
      check.expect(sleeps(child), "1 more has to wait")
      check.expect(try counter.take() == UInt64.max - 1, "until somebody takes")
      check.expect(try counter.take() == 1, "then it comes")
      check.expect(try Process.wait(for: child).status == .exited(code: 0), "as it was told")
      counter.close()
      let semaphore = try EventCounter(2, takesOne: true, [.nonBlocking, .closeOnExec])
      for _ in 0..<2 { check.expect(try semaphore.take() == 1, "one at a time") }
      var error: SystemError?
      do throws(SystemError) { _ = try semaphore.take() } catch let failure { error = failure }
      check.expect(error == .tryAgain, "and there is no third")
      semaphore.close()
    }
  },
  UserTest(name: "event-counter-errors") { check in
    check.fails(Call.eventfd2(0, 2), .invalidArgument, "unknown flags")
    holding(0, check) { () throws(SystemError) in
      let counter = try EventCounter(0, .nonBlocking)
      let number = counter.descriptor.rawValue
      var word: UInt64 = 0
      check.fails(Call.read(number, &word, 8), .tryAgain, "nothing to take")
      check.fails(Call.read(number, &word, 7), .invalidArgument, "too small for it")
      check.fails(Call.write(number, &word, 7), .invalidArgument, "too little of it")
      check.fails(Call.write(number, nowhere, 8), .badAddress, "how much?")
      word = UInt64.max
      check.fails(Call.write(number, &word, 8), .invalidArgument, "more than it holds")
      word = UInt64.max - 1
      check.succeeds(Call.write(number, &word, 8), "as much as it holds")
      check.fails(Call.write(number, &word, 8), .tryAgain, "a second time")
      check.fails(Call.lseek(number, 0, 0), .illegalSeek, "it has no position")
      check.fails(Call.read(number, nowhere, 8), .badAddress, "to nothing")
      counter.close()
    }
  },
  UserTest(name: "signal-file") { check in
    holding(first.mask | Signal.user1.mask, check) { () throws(SystemError) in
      let file = try SignalFile(first.mask)
      let poll = try EventPoll()
      try poll.add(file.descriptor, EventRecord(.readable, data: 5))
      check.expect(try poll.wait(milliseconds: 0).isEmpty, "nothing yet")
      check.succeeds(Call.kill(Process.id, Signal.user1.rawValue), "another signal")
      check.expect(try poll.wait(milliseconds: 0).isEmpty, "is not in the set")
      for value in 0..<3 { try first.queue(to: Process.id, value: UInt64(value)) }
      check.expect(try poll.wait().first?.data == 5, "epoll says so")
      let records = try file.read(most: 8)
      check.expect(records.count == 3, "\(records.count) of 3 at once")
      for (index, record) in records.enumerated() {
        check.expect(record.value == UInt64(index) && record.pid == Process.id, "in order")
        check.expect(record.signal == first.rawValue, "which it was")
      }
      check.expect(try poll.wait(milliseconds: 0).isEmpty, "all are taken")
      try file.change(to: Signal.user1.mask)
      check.expect(try poll.wait().count == 1, "another set, and what was waiting")
      check.expect(try file.read().first?.signal == Signal.user1.rawValue, "is read")
      let parent = Process.id
      let child = try Process.fork()
      if child == 0 {
        while !sleeps(parent) {}
        System.exitNow(Call.kill(parent, Signal.user1.rawValue).isSuccess ? 0 : 1)
      }
      check.expect(try file.read().first?.pid == child, "woken by it")
      _ = try Process.wait(for: child)
      poll.close()
      file.close()
    }
  },
  UserTest(name: "signal-file-errors") { check in
    var set = first.mask
    check.fails(Call.signalfd4(-1, &set, 7, 0), .invalidArgument, "a set of another size")
    check.fails(Call.signalfd4(-1, &set, 8, 1), .invalidArgument, "unknown flags")
    check.fails(Call.signalfd4(-1, nowhere, 8, 0), .badAddress, "which signals?")
    check.fails(Call.signalfd4(57, &set, 8, 0), .badDescriptor, "no file")
    holding(first.mask, check) { () throws(SystemError) in
      let file = try SignalFile(first.mask, .nonBlocking)
      let number = file.descriptor.rawValue
      var record = SignalRecord()
      let size = UInt64(MemoryLayout<SignalRecord>.size)
      check.fails(Call.read(number, &record, size), .tryAgain, "no signal")
      check.fails(Call.read(number, &record, size - 1), .invalidArgument, "no room for one")
      check.fails(Call.write(number, &record, size), .invalidArgument, "it cannot be written")
      let pipe = try Descriptor.pipe()
      check.fails(
        Call.signalfd4(pipe.reading.rawValue, &set, 8, 0), .invalidArgument, "a pipe")
      for end in [pipe.reading, pipe.writing] { try end.close() }
      // A child's own signals, of which it has none.
      check.succeeds(Call.kill(Process.id, first.rawValue), "kill")
      let other = inChild { Call.read(number, &record, size).error == .tryAgain ? 0 : 1 }
      check.expect(other == .exited(code: 0), "a child does not read ours")
      check.expect(try file.read().count == 1, "we do")
      file.close()
    }
  },
  UserTest(name: "epoll-pwait") { check in
    SignalAction({ _, _, _ in }, flags: .restart).install(for: .user1)
    holding(Signal.user1.mask, check) { () throws(SystemError) in
      let mask = SignalMask.change(.block, 0)
      let poll = try EventPoll()
      let counter = try EventCounter(1)
      try poll.add(counter.descriptor, EventRecord(.readable, data: 1))
      check.expect(try poll.wait(blocking: 0).count == 1, "an event")
      _ = try counter.take()
      check.succeeds(Call.kill(Process.id, Signal.user1.rawValue), "kill")
      var error: SystemError?
      do throws(SystemError) {
        _ = try poll.wait(blocking: 0)
      } catch let failure {
        error = failure
      }
      check.expect(error == .interrupted, "the signal came before, and ends it")
      check.expect(SignalMask.change(.block, 0) == mask, "the mask is as before")
      check.expect(try poll.wait(milliseconds: 1, blocking: 0).isEmpty, "until the time is over")
      var none: UInt64 = 0
      var record = EventRecord()
      let number = poll.descriptor.rawValue
      check.fails(
        Call.epoll_pwait(number, &record, 1, 0, &none, 7), .invalidArgument, "of another size")
      check.fails(Call.epoll_pwait(number, &record, 1, 0, nowhere, 8), .badAddress, "which mask?")
      check.fails(
        Call.epoll_pwait(number, &record, 0, 0, &none, 8), .invalidArgument, "no events")
      check.fails(Call.epoll_pwait(57, &record, 1, 0, &none, 8), .badDescriptor, "of no file")
      check.expect(SignalMask.change(.block, 0) == mask, "and again as before")
      counter.close()
      poll.close()
    }
  },
  UserTest(name: "sigsuspend-sleeps") { check in
    SignalAction({ _, _, _ in }).install(for: .user1)
    holding(Signal.user1.mask, check) { () throws(SystemError) in
      let child = try Process.fork()
      if child == 0 {
        SignalMask.suspend(0)
        System.exitNow(0)
      }
      check.expect(sleeps(child), "it waits")
      let calls = { System.processes().first { $0.pid == UInt32(child) }?.systemCalls }
      var rests = false
      for _ in 0..<200 where !rests {
        let before = calls()
        Time.sleep(nanoseconds: 5_000_000)
        rests = calls() == before
      }
      check.expect(rests, "and does not call again and again")
      try Process.send(.user1, to: child)
      check.expect(try Process.wait(for: child).status == .exited(code: 0), "until the signal")
    }
  },
]

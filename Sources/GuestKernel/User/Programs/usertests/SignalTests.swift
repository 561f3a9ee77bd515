/// Signals: handlers, masks, the two that nothing stops, and calls that are interrupted.
import Apus
import UserSystem

/// What handlers leave for their tests.
nonisolated(unsafe) private var caught: [Int32] = [0, 0, 0]

private func note(_ signal: Int32) { if signal < 32 { caught[0] += 1 } }

let signalTests: [UserTest] = [
  UserTest(name: "handler") { check in
    caught = [0, 0, 0]
    SignalAction({ signal, _, _ in note(signal) }).install(for: .user1)
    for _ in 0..<10 { _ = Call.kill(Process.id, Signal.user1.rawValue) }
    check.expect(caught[0] == 10, "\(caught[0]) of 10 signals handled")
  },
  UserTest(name: "signal-errors") { check in
    check.fails(Call.kill(Process.id, 65), .invalidArgument, "signal 65")
    check.fails(Call.kill(Process.id, -1), .invalidArgument, "signal -1")
    check.fails(Call.kill(99_999, 0), .noSuchProcess, "to nobody")
    check.succeeds(Call.kill(Process.id, 0), "signal 0 only asks")
    if case .failure(let error) = SignalAction.ignore.install(for: .kill) {
      check.fails(.failure(error), .invalidArgument, "KILL cannot be ignored")
    } else {
      check.expect(false, "KILL cannot be ignored")
    }
    for address in badAddresses where address != 0 {
      let pointer = UnsafeRawPointer(bitPattern: UInt(address))
      check.fails(Call.rt_sigaction(10, pointer, nil, 8), .badAddress, "action at \(hex: address)")
    }
  },
  UserTest(name: "mask") { check in
    caught = [0, 0, 0]
    SignalAction({ signal, _, _ in note(signal) }).install(for: .user1)
    SignalMask.change(.block, Signal.user1.mask)
    _ = Call.kill(Process.id, Signal.user1.rawValue)
    _ = Call.kill(Process.id, Signal.user1.rawValue)
    check.expect(caught[0] == 0, "blocked")
    SignalMask.change(.unblock, Signal.user1.mask)
    check.expect(caught[0] == 1, "delivered once when unblocked")
  },
  UserTest(name: "kill-child") { check in
    for signal in [.kill, .terminate, .interrupt, .segmentation] as [Signal] {
      do throws(SystemError) {
        let pid = try Process.fork()
        if pid == 0 { while true {} }
        try Process.send(signal, to: pid)
        check.expect(try Process.wait(for: pid).status == .killed(by: signal), "\(signal.name)")
      } catch {
        check.succeeds(.failure(error), "fork")
      }
    }
  },
  UserTest(name: "faults-are-signals") { check in
    check.expect(
      inChild {
        do_undefined(); return 0
      } == .killed(by: .illegal), "UD2: ILL")
    check.expect(
      inChild {
        _ = do_read(0); return 0
      } == .killed(by: .segmentation), "address 0: SEGV")
    check.expect(
      inChild {
        do_divide_by_zero(); return 0
      } == .killed(by: .arithmetic), "1/0: FPE")
    check.expect(
      inChild {
        do_halt(); return 0
      } == .killed(by: .segmentation), "HLT: SEGV")
  },
  UserTest(name: "stop-and-go") { check in
    do throws(SystemError) {
      let pid = try Process.fork()
      if pid == 0 { while true { Time.sleep(nanoseconds: 1_000_000) } }
      try Process.send(.stop, to: pid)
      check.expect(
        try Process.wait(for: pid, .untraced).status == .stopped(by: .stop), "stopped")
      try Process.send(.continue, to: pid)
      try Process.send(.kill, to: pid)
      check.expect(try Process.wait(for: pid).status == .killed(by: .kill), "and killed")
    } catch {
      check.succeeds(.failure(error), "fork")
    }
  },
  UserTest(name: "interrupted-read") { check in
    do throws(SystemError) {
      let pipe = try Descriptor.pipe()
      let parent = Process.id
      SignalAction({ signal, _, _ in note(signal) }, flags: []).install(for: .user1)
      let pid = try Process.fork()
      if pid == 0 {
        // The first may come before the read.
        while true {
          _ = Call.kill(parent, Signal.user1.rawValue)
          Time.sleep(nanoseconds: 5_000_000)
        }
      }
      var byte: UInt8 = 0
      check.fails(Call.read(pipe.reading.rawValue, &byte, 1), .interrupted, "without SA_RESTART")
      SignalAction.ignore.install(for: .user1)
      try Process.send(.kill, to: pid)
      _ = try Process.wait(for: pid)
      try pipe.reading.close()
      try pipe.writing.close()
    } catch {
      check.succeeds(.failure(error), "pipe")
    }
  },
  UserTest(name: "child-signal") { check in
    caught = [0, 0, 0]
    SignalAction({ signal, _, _ in note(signal) }).install(for: .child)
    check.expect(inChild { 0 } == .exited(code: 0), "a child ends")
    check.expect(caught[0] == 1, "and CHLD says so")
  },
]

/// The ways into the kernel and back: other entries, forged signal frames, timers, threads, descriptors
/// of segments.
import Apus
import UserSystem

let entryTests: [UserTest] = [
  UserTest(name: "interrupt-entry") { check in
    guard check.has("COMPATIBILITY") else { return }
    check.expect(call_by_interrupt(39, 0, 0, 0) == Int64(Process.id), "getpid by INT 80h")
    check.expect(call_by_interrupt(999, 0, 0, 0) == -38, "no such call by INT 80h")
    check.expect(call_by_interrupt(1, 1, 0x7000_0000, 8) == -14, "a bad pointer by INT 80h")
    check.expect(call_by_interrupt(UInt64.max, 0, 0, 0) == -38, "call number -1")
  },
  UserTest(name: "forged-signal-return") { check in
    // Whatever lies on the stack is no reason to trust it: kernel selectors, kernel addresses.
    let status = inChild {
      Call.rt_sigreturn()
      return 0
    }
    check.expect(status != .exited(code: 0), "a return from no handler ends the process")
    let forged = inChild {
      SignalAction({ _, _, context in
        guard let context else { return }
        // RIP in the saved registers: behind the record of 40 bytes and seventeen words.
        context.storeBytes(of: 0x7fff_8010_0000, toByteOffset: 40 + 17 * 8, as: UInt64.self)
      }).install(for: .user1)
      Call.kill(Process.id, Signal.user1.rawValue)
      return 0
    }
    check.expect(forged == .killed(by: .segmentation), "a return into the kernel: SEGV")
  },
  UserTest(name: "privileges-after-handler") { check in
    let status = inChild {
      SignalAction({ _, _, context in
        guard let context else { return }
        // CS and RFLAGS: ring 0, and IOPL 3.
        context.storeBytes(of: 0x08, toByteOffset: 40 + 18 * 8, as: UInt64.self)
        context.storeBytes(of: 0x3202, toByteOffset: 40 + 19 * 8, as: UInt64.self)
      }).install(for: .user1)
      Call.kill(Process.id, Signal.user1.rawValue)
      do_port()
      return 0
    }
    check.expect(status == .killed(by: .segmentation), "no ports for who forges IOPL 3")
  },
  UserTest(name: "alternate-stack-errors") { check in
    var stack: (UInt64, UInt64, UInt64) = (0x1000, 0, 100)
    withUnsafeBytes(of: &stack) {
      check.fails(Call.sigaltstack($0.baseAddress, nil), .outOfMemory, "a stack of 100 bytes")
    }
    stack = (0x1000, 77, 16384)
    withUnsafeBytes(of: &stack) {
      check.fails(Call.sigaltstack($0.baseAddress, nil), .invalidArgument, "unknown flags")
    }
    check.fails(
      Call.sigaltstack(UnsafeRawPointer(bitPattern: 0x7000_0000), nil), .badAddress, "nowhere")
  },
  UserTest(name: "timer-errors") { check in
    let value: [Int64] = [0, 0, 0, 2_000_000]
    check.fails(Call.setitimer(0, value, nil), .invalidArgument, "two million microseconds")
    check.fails(Call.setitimer(9, value, nil), .invalidArgument, "timer 9")
    check.expect(Call.alarm(100).isSuccess, "an alarm in 100 seconds")
    let left = check.succeeds(Call.alarm(0), "no alarm after all")
    check.expect(left == 100 || left == 99, "\(left) of its 100 seconds were left")
  },
  UserTest(name: "segment-errors") { check in
    var record: (UInt32, UInt32, UInt32, UInt32) = (8, 0, 0, 1)
    withUnsafeBytes(of: &record) {
      check.fails(Call.modify_ldt(1, $0.baseAddress, 16), .invalidArgument, "entry 8 of 8")
      check.fails(Call.modify_ldt(1, $0.baseAddress, 15), .invalidArgument, "a short record")
    }
    record = (0, 0, 0x10_0000, 1)
    withUnsafeBytes(of: &record) {
      check.fails(Call.modify_ldt(1, $0.baseAddress, 16), .invalidArgument, "a limit of 21 bits")
    }
    check.fails(
      Call.modify_ldt(1, UnsafeRawPointer(bitPattern: 0x7000_0000), 16), .badAddress, "nowhere")
  },
  UserTest(name: "clone-errors") { check in
    check.fails(Call.clone(0x100, 0x1000, nil, nil, 0), .invalidArgument, "memory alone is shared")
    check.fails(Call.clone(0x35_0f00, 0, nil, nil, 0), .invalidArgument, "a thread without a stack")
    check.fails(
      Call.arch_prctl(0x1002, 0x7fff_8000_0000), .notPermitted, "FS in the kernel's memory")
    check.fails(Call.arch_prctl(1, 0), .invalidArgument, "an unknown code")
  },
  UserTest(name: "trace-errors") { check in
    check.fails(Call.trace_calls(99, 0, 0), .badDescriptor, "into no file")
    check.fails(Call.trace_calls(2, 99_999, 0), .noSuchProcess, "of nobody")
    check.fails(Call.trace_calls(2, 0, 8), .invalidArgument, "unknown flags")
    check.succeeds(Call.trace_calls(-1, 0, 0), "none is one way to end it")
    let status = inChild {
      guard Call.setuid(1000).isSuccess else { return 1 }
      return Call.trace_calls(2, 1, 0).error == .notPermitted ? 0 : 2
    }
    check.expect(status == .exited(code: 0), "another user's")
  },
  UserTest(name: "trace-attached") { check in
    do throws(SystemError) {
      let lines = try Descriptor.pipe()
      let gate = try Descriptor.pipe()
      let child = try Process.fork()
      if child == 0 {
        _ = try? gate.reading.read(limit: 1)
        _ = Call.umask(0o123)
        System.exitNow(0)
      }
      check.succeeds(Call.trace_calls(lines.writing.rawValue, child, 0), "attached")
      _ = try gate.writing.write([1])
      _ = try Process.wait(for: child)
      try lines.writing.close()
      let text = try lines.reading.readAll()
      let wanted = literal("umask(0123) = ")
      check.expect(
        text.indices.contains { Array(text[$0...].prefix(wanted.count)) == wanted },
        "its calls from then on")
      for file in [lines.reading, gate.reading, gate.writing] { try file.close() }
    } catch {
      check.expect(false, "\(error.symbol) where nothing should fail")
    }
  },
  UserTest(name: "group-errors") { check in
    check.fails(Call.setpgid(99_999, 0), .noSuchProcess, "of nobody")
    check.fails(Call.setpgid(0, -1), .invalidArgument, "group -1")
    check.fails(Call.setpgid(0, 99_999), .notPermitted, "a group that does not exist")
    check.fails(Call.getpgid(99_999), .noSuchProcess, "nobody's group")
    let status = inChild {
      guard Call.setsid().isSuccess else { return 1 }
      return Call.setsid().error == .notPermitted ? 0 : 2
    }
    check.expect(status == .exited(code: 0), "a session once, not twice")
  },
]

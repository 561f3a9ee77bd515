/// Pipes: order, waiting at both ends, and what happens when one end is gone.
import Apus

let pipeTests: [UserTest] = [
  UserTest(name: "pipe") { check in
    do throws(SystemError) {
      let pipe = try Descriptor.pipe()
      let status = inChild {
        _ = Call.close(pipe.reading.rawValue)
        for index in 0..<50 {
          let part = [UInt8](repeating: UInt8(index), count: 1033)
          if part.withUnsafeBytes({ pipe.writing.write(all: $0) }) != nil { return 1 }
        }
        return 0
      } whileRunning: {
        _ = Call.close(pipe.writing.rawValue)
        var bytes: [UInt8] = []
        while let part = try? pipe.reading.read(limit: 700), !part.isEmpty { bytes += part }
        check.expect(bytes.count == 50 * 1033, "\(bytes.count) bytes of \(50 * 1033)")
        var inOrder = true
        for (index, byte) in bytes.enumerated() where byte != UInt8(index / 1033) {
          inOrder = false
        }
        check.expect(inOrder, "all of them in order")
      }
      check.expect(status == .exited(code: 0), "the writer ended well")
      try pipe.reading.close()
    } catch {
      check.succeeds(.failure(error), "pipe")
    }
  },
  UserTest(name: "pipe-without-reader") { check in
    do throws(SystemError) {
      let pipe = try Descriptor.pipe()
      try pipe.reading.close()
      let status = inChild {
        SignalAction.standard.install(for: .pipe)
        _ = Call.write(pipe.writing.rawValue, [1], 1)
        return 5
      }
      check.expect(status == .killed(by: .pipe), "SIGPIPE kills the writer")
      SignalAction.ignore.install(for: .pipe)
      check.fails(Call.write(pipe.writing.rawValue, [1], 1), .brokenPipe, "or EPIPE, if ignored")
      try pipe.writing.close()
    } catch {
      check.succeeds(.failure(error), "pipe")
    }
  },
  UserTest(name: "pipe-nonblocking") { check in
    do throws(SystemError) {
      let pipe = try Descriptor.pipe(.nonBlocking)
      var byte: UInt8 = 0
      check.fails(Call.read(pipe.reading.rawValue, &byte, 1), .tryAgain, "an empty pipe")
      var written: UInt64 = 0
      let block = [UInt8](repeating: 1, count: 4096)
      while case .success(let count) = Call.write(pipe.writing.rawValue, block, 4096) {
        written += count
        if written > 1 << 24 { break }
      }
      check.expect(written >= 4096 && written <= 1 << 20, "a full pipe, after \(written) bytes")
      try pipe.writing.close()
      var left: UInt64 = 0
      while let part = try? pipe.reading.read(limit: 4096), !part.isEmpty {
        left += UInt64(part.count)
      }
      check.expect(left == written, "all of it can be read, then comes the end")
      try pipe.reading.close()
    } catch {
      check.succeeds(.failure(error), "pipe2")
    }
  },
  UserTest(name: "poll") { check in
    do throws(SystemError) {
      let pipe = try Descriptor.pipe()
      var records = [
        PollRecord(descriptor: pipe.reading.rawValue, events: .readable),
        PollRecord(descriptor: pipe.writing.rawValue, events: .writable),
        PollRecord(descriptor: 99, events: .readable),
      ]
      check.expect(try Descriptor.poll(&records, milliseconds: 0) == 2, "one writable, one invalid")
      check.expect(records[1].answer == .writable && records[2].answer == .invalid, "which ones")
      try pipe.writing.write(all: [1])
      check.expect(try Descriptor.poll(&records, milliseconds: -1) == 3, "now a byte is there")
      try pipe.writing.close()
      _ = try pipe.reading.read(limit: 10)
      var one = [PollRecord(descriptor: pipe.reading.rawValue, events: .readable)]
      _ = try Descriptor.poll(&one, milliseconds: 100)
      check.expect(one[0].answer.contains(.hangUp), "the other end is gone")
      try pipe.reading.close()
    } catch {
      check.succeeds(.failure(error), "poll")
    }
  },
  UserTest(name: "fifo-meeting") { check in
    inScratch(check) { () throws(SystemError) in
      let name = literal("fifo")
      _ = name.withPath { check.succeeds(Call.mknod($0, 0o10644, 0), "mknod") }
      for flags in [OpenFlags.writeOnly, .readOnly] {
        meet(name, visitor: flags, check)
      }
      try FileTree.remove(name)
    }
  },
]

/// Somebody waits in `open` for the other side, and is gone before this process runs again.
///
/// As a real-time process on this one's processor he runs as soon as this one has arrived.
private func meet(_ name: [UInt8], visitor flags: OpenFlags, _ check: Check) {
  var everywhere: UInt64 = 0
  var here: UInt64 = 1
  check.succeeds(Call.sched_getaffinity(0, 8, &everywhere), "sched_getaffinity")
  check.succeeds(Call.sched_setaffinity(0, 8, &here), "sched_setaffinity")
  let status = inChild {
    var priority: Int32 = 10
    guard Call.sched_setscheduler(0, 1, &priority).isSuccess,  // SCHED_FIFO
      let fifo = try? Descriptor.open(name, flags)
    else { return 1 }
    if flags == .writeOnly { try? fifo.write(all: [7]) }
    return 0
  } whileRunning: {
    Time.sleep(nanoseconds: 50_000_000)
    _ = Call.alarm(60)
    do throws(SystemError) {
      let fifo = try Descriptor.open(name, flags == .writeOnly ? .readOnly : .writeOnly)
      if flags == .writeOnly {
        check.expect(try fifo.read(limit: 2) == [7], "what the visitor left")
        check.expect(try fifo.read(limit: 2).isEmpty, "and the end")
      }
      try fifo.close()
    } catch {
      check.succeeds(.failure(error), "open of a named pipe")
    }
    _ = Call.alarm(0)
  }
  check.expect(status == .exited(code: 0), "the visitor came and went")
  check.succeeds(Call.sched_setaffinity(0, 8, &everywhere), "sched_setaffinity")
}

/// Runs one closure in a child while the other runs here, then waits for the child.
private func inChild(
  _ body: () -> Int32, whileRunning other: () -> Void
) -> WaitStatus? {
  do throws(SystemError) {
    let pid = try Process.fork()
    if pid == 0 { System.exit(body()) }
    other()
    return try Process.wait(for: pid).status
  } catch {
    return nil
  }
}

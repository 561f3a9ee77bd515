/// epoll: level and edge, once, closing, and what it refuses.
import Apus

private let nowhere = UnsafeMutableRawPointer(bitPattern: 0x7000_0000)

/// A watched pipe.
private func withPipe(
  _ check: Check, _ record: EventRecord,
  _ body: (EventPoll, Descriptor, Descriptor) throws(SystemError) -> Void
) {
  do throws(SystemError) {
    let poll = try EventPoll()
    let pipe = try Descriptor.pipe()
    try poll.add(pipe.reading, record)
    try body(poll, pipe.reading, pipe.writing)
    poll.close()
    try pipe.reading.close()
    try pipe.writing.close()
  } catch {
    check.expect(false, "\(error.symbol) where nothing should fail")
  }
}

let eventPollTests: [UserTest] = [
  UserTest(name: "epoll-level") { check in
    withPipe(check, EventRecord(.readable, data: 1 << 40 | 5)) {
      (poll, reading, writing) throws(SystemError) in
      check.expect(try poll.wait(milliseconds: 0).isEmpty, "nothing yet")
      _ = try writing.write([1, 2])
      for _ in 0..<2 {
        let events = try poll.wait()
        check.expect(events.count == 1 && events.first?.data == 1 << 40 | 5, "with its word")
      }
      _ = try reading.read(limit: 8)
      check.expect(try poll.wait(milliseconds: 1).isEmpty, "read, it is silent")
      var records = [PollRecord(descriptor: poll.descriptor.rawValue, events: .readable)]
      check.expect(try Descriptor.poll(&records, milliseconds: 0) == 0, "poll says so too")
      _ = try writing.write([1])
      check.expect(try Descriptor.poll(&records, milliseconds: 0) == 1, "and the contrary")
      try poll.remove(reading)
      check.expect(try poll.wait(milliseconds: 0).isEmpty, "removed")
    }
  },
  UserTest(name: "epoll-edge") { check in
    withPipe(check, EventRecord(.readable, data: 1, isEdgeTriggered: true)) {
      (poll, reading, writing) throws(SystemError) in
      for _ in 0..<3 {
        _ = try writing.write([1])
        check.expect(try poll.wait(milliseconds: 0).count == 1, "an edge")
        check.expect(try poll.wait(milliseconds: 0).isEmpty, "and no second one")
      }
      try poll.change(reading, EventRecord(.readable, data: 1, isOneShot: true))
      check.expect(try poll.wait(milliseconds: 0).count == 1, "once")
      _ = try writing.write([1])
      check.expect(try poll.wait(milliseconds: 0).isEmpty, "and not again")
      try poll.change(reading, EventRecord(.readable, data: 1, isOneShot: true))
      check.expect(try poll.wait(milliseconds: 0).count == 1, "until it is armed")
    }
  },
  UserTest(name: "epoll-waits") { check in
    withPipe(check, EventRecord(.readable, data: 1)) {
      (poll, reading, writing) throws(SystemError) in
      let child = try Process.fork()
      if child == 0 {
        Time.sleep(nanoseconds: 10_000_000)
        _ = try? writing.write([1])
        System.exitNow(0)
      }
      check.expect(try poll.wait().first?.data == 1, "until another process writes")
      _ = try Process.wait(for: child)
      _ = try reading.read(limit: 8)
      let begin = Time.sinceBoot
      check.expect(try poll.wait(milliseconds: 5).isEmpty, "or until the time is over")
      check.expect(Time.sinceBoot - begin >= 5_000_000, "which it waits for")
    }
  },
  UserTest(name: "epoll-crowd") { check in
    withPipe(check, EventRecord(.readable, data: 1)) {
      (poll, reading, writing) throws(SystemError) in
      let crowd = try Crowd(of: 4) { (try? poll.wait())?.count == 1 }
      _ = Call.alarm(60)
      for _ in 0..<100 {
        try crowd.begin()
        _ = try writing.write([1])
        check.expect(try crowd.isDone(), "all hear of what stays ready")
        _ = try reading.read(limit: 8)
      }
      _ = Call.alarm(0)
      try crowd.end()
    }
  },
  UserTest(name: "epoll-close") { check in
    withPipe(check, EventRecord(.readable, data: 1)) {
      (poll, reading, writing) throws(SystemError) in
      _ = try writing.write([1])
      let copy = try reading.duplicate()
      check.fails(
        Call.epoll_ctl(poll.descriptor.rawValue, 2, copy.rawValue, nil), .notFound,
        "another descriptor is another watch")
      try poll.add(copy, EventRecord(.readable, data: 2))
      check.expect(try poll.wait(milliseconds: 0).count == 2, "both")
      // The file is open as long as one of its descriptors is.
      let other = try Descriptor.pipe()
      try poll.add(other.reading, EventRecord(.readable, data: 3))
      _ = try other.writing.write([1])
      try other.reading.close()
      check.expect(try poll.wait(milliseconds: 0).count == 2, "closed, it is gone")
      try other.writing.close()
      try copy.close()
    }
  },
  UserTest(name: "epoll-errors") { check in
    var record = EventRecord(.readable)
    check.fails(Call.epoll_create1(1), .invalidArgument, "unknown flags")
    withPipe(check, record) { (poll, reading, writing) throws(SystemError) in
      let number = poll.descriptor.rawValue
      let file = reading.rawValue
      check.fails(Call.epoll_ctl(number, 1, file, &record), .exists, "twice")
      check.fails(Call.epoll_ctl(number, 3, writing.rawValue, &record), .notFound, "not there")
      check.fails(Call.epoll_ctl(number, 9, file, &record), .invalidArgument, "what?")
      check.fails(Call.epoll_ctl(number, 1, writing.rawValue, nowhere), .badAddress, "which?")
      check.fails(Call.epoll_ctl(number, 1, number, &record), .invalidArgument, "itself")
      check.fails(Call.epoll_ctl(number, 1, 57, &record), .badDescriptor, "no file")
      check.fails(Call.epoll_ctl(57, 1, file, &record), .badDescriptor, "to no epoll")
      check.fails(Call.epoll_ctl(file, 1, file, &record), .invalidArgument, "to a pipe")
      check.fails(Call.epoll_wait(file, &record, 1, 0), .invalidArgument, "of a pipe")
      check.fails(Call.epoll_wait(number, &record, 0, 0), .invalidArgument, "no events")
      check.fails(Call.epoll_wait(57, &record, 1, 0), .badDescriptor, "of no file")
      _ = try writing.write([1])
      check.fails(Call.epoll_wait(number, nowhere, 1, 0), .badAddress, "into nothing")
      let plain = try Descriptor.open(literal("/bin/sh"))
      check.fails(Call.epoll_ctl(number, 1, plain.rawValue, &record), .notPermitted, "a file")
      try plain.close()
      let second = try EventPoll()
      check.fails(
        Call.epoll_ctl(number, 1, second.descriptor.rawValue, &record), .tooManyLinks, "another one"
      )
      second.close()
    }
  },
]

/// Processes that all do the same at the same time, round by round.
private struct Crowd {
  private var members: [(pid: Int32, go: (reading: Descriptor, writing: Descriptor))] = []
  private let done: (reading: Descriptor, writing: Descriptor)

  init(of count: Int, _ body: () -> Bool) throws(SystemError) {
    done = try Descriptor.pipe()
    for _ in 0..<count {
      let go = try Descriptor.pipe()
      let pid = try Process.fork()
      if pid == 0 {
        while let word = try? go.reading.read(limit: 1), word == [1] {
          _ = try? done.writing.write([body() ? 1 : 0])
        }
        System.exitNow(0)
      }
      members.append((pid, go))
    }
  }

  func begin() throws(SystemError) {
    for member in members { _ = try member.go.writing.write([1]) }
  }

  /// Waits for everybody; false when one has not found what it should have.
  func isDone() throws(SystemError) -> Bool {
    var answers: [UInt8] = []
    while answers.count < members.count { answers += try done.reading.read(limit: 8) }
    return !answers.contains(0)
  }

  func end() throws(SystemError) {
    for member in members {
      _ = try member.go.writing.write([0])
      _ = try Process.wait(for: member.pid)
      try member.go.reading.close()
      try member.go.writing.close()
    }
    try done.reading.close()
    try done.writing.close()
  }
}

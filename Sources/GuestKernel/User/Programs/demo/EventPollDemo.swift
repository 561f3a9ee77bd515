/// epoll: a hundred pipes are watched, and who waits hears of the few that have something.
import Apus

enum EventPollDemo {
  static func run() -> Bool {
    guard let poll = try? EventPoll() else { return false }
    defer { poll.close() }
    var pipes: [(reading: Descriptor, writing: Descriptor)] = []
    defer {
      for pipe in pipes {
        try? pipe.reading.close()
        try? pipe.writing.close()
      }
    }
    for index in 0..<100 {
      guard let pipe = try? Descriptor.pipe(),
        (try? poll.add(pipe.reading, EventRecord(.readable, data: UInt64(index)))) != nil
      else { return Demo.check(false, "a hundred pipes are watched") }
      pipes.append(pipe)
    }
    Demo.say("A hundred pipes are watched. Numbers 7 and 42 get a byte.")
    write(pipes[7].writing)
    write(pipes[42].writing)
    var passed = Demo.check(numbers(poll) == [7, 42], "epoll_wait names these two")
    passed = Demo.check(numbers(poll) == [7, 42], "and again, as long as nobody reads") && passed
    for index in [7, 42] { _ = try? pipes[index].reading.read(limit: 8) }
    passed = Demo.check(numbers(poll) == [], "read, they are silent") && passed
    passed = edges(poll, pipes[3]) && passed
    _ = Call.close(pipes[9].writing.rawValue)
    let hangUp = try? poll.wait(milliseconds: 0)
    passed =
      Demo.check(
        hangUp?.first?.data == 9 && hangUp?.first?.wanted.contains(.hangUp) == true,
        "a pipe whose last writer goes says so without being asked") && passed
    return passed
  }

  private static func edges(
    _ poll: EventPoll, _ pipe: (reading: Descriptor, writing: Descriptor)
  ) -> Bool {
    let record = EventRecord(.readable, data: 3, isEdgeTriggered: true)
    guard (try? poll.change(pipe.reading, record)) != nil else { return false }
    Demo.say("Number 3 is made edge-triggered, and gets a byte, and later another one.")
    write(pipe.writing)
    let one = numbers(poll)
    let none = numbers(poll)
    write(pipe.writing)
    let two = numbers(poll)
    return Demo.check(
      one == [3] && none == [] && two == [3],
      "it is named once for each, although nobody has read the first")
  }

  private static func write(_ file: Descriptor) { _ = try? file.write([1]) }

  /// Who has something now.
  private static func numbers(_ poll: EventPoll) -> [UInt64] {
    guard let events = try? poll.wait(milliseconds: 0) else { return [999] }
    return events.map { $0.data }
  }
}

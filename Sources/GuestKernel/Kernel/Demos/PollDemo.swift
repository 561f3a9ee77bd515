/// Waiting for several files at once, as `poll` does.
enum PollDemo {
  static func run() -> Bool {
    Demo.say("Two pipes; one thread waits for both, another writes to the second one later.")
    guard let first = try? Pipe.make([]) else { return false }
    guard let second = try? Pipe.make([]) else { return false }
    defer {
      for file in [first.reader, first.writer, second.reader, second.writer] { file.drop() }
    }
    let poller = WaitingPoller()
    defer { poller.finish() }
    var passed = Demo.check(
      first.reader.poll(poller).isEmpty && second.reader.poll(poller).isEmpty,
      "each says: nothing to read; and each has noted whom to wake")
    passed =
      Demo.check(
        first.writer.poll(nil) == .writable, "their other ends say: there is room") && passed
    let limit = Clock.nanoseconds + 3_000_000
    passed =
      Demo.check(
        poller.wait(until: limit) == .timedOut, "nobody writes: the wait ends at its deadline")
      && passed
    let writer = second.writer
    Thread.spawn("writer") {
      Thread.sleep(nanoseconds: 3_000_000)
      do throws(SystemFailure) { try FileBytes.write([1], to: writer) } catch {}
    }
    passed =
      Demo.check(poller.wait(until: nil) == .done, "the writer's write ends the next wait")
      && passed
    passed =
      Demo.check(
        first.reader.poll(nil).isEmpty && second.reader.poll(nil) == .readable,
        "asked again: the first has nothing, the second can be read") && passed
    return passed
  }
}

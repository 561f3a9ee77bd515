/// Pipes: waiting readers, an end of file, and writes that stay in one piece.
enum PipeDemo {
  static func run() -> Bool {
    var passed = waiting()
    passed = nonBlocking() && passed
    passed = atomicWrites() && passed
    return passed
  }

  private static func read(_ file: OpenFile, _ count: Int) -> [UInt8]? {
    do throws(SystemFailure) { return try FileBytes.read(count, from: file) } catch { return nil }
  }

  private static func waiting() -> Bool {
    Demo.say("A reader finds the pipe empty and waits; a writer wakes it.")
    guard let pipe = try? Pipe.make([]) else { return false }
    let done = Completion()
    let reader = pipe.reader
    let seen = Box()
    Thread.spawn("reader") {
      seen.bytes = read(reader, 100) ?? []
      done.complete()
    }
    Thread.sleep(nanoseconds: 5_000_000)
    var passed = Demo.check(seen.bytes.isEmpty, "after five milliseconds it has nothing yet")
    do throws(SystemFailure) {
      try FileBytes.write([UInt8](text: "hello"), to: pipe.writer)
    } catch {
      return Demo.check(false, "the pipe takes five bytes")
    }
    done.wait()
    passed = Demo.check(seen.bytes.equals("hello"), "then it has \"\(text: seen.bytes)\"") && passed
    Demo.say("When the last writer closes, readers are told by an empty read.")
    pipe.writer.drop()
    passed =
      Demo.check(read(pipe.reader, 10)?.isEmpty == true, "read returns 0: end of file") && passed
    pipe.reader.drop()
    return passed
  }

  private static func nonBlocking() -> Bool {
    Demo.say("With O_NONBLOCK nobody waits.")
    guard let pipe = try? Pipe.make(.nonBlocking) else { return false }
    defer {
      pipe.reader.drop()
      pipe.writer.drop()
    }
    var total = 0
    var passed = true
    do throws(SystemFailure) {
      _ = try FileBytes.read(1, from: pipe.reader)
      passed = false
    } catch {
      passed = Demo.check(error.error == .tryAgain, "an empty pipe: \(error.error.symbol)")
    }
    do throws(SystemFailure) {
      let page = [UInt8](repeating: 7, count: 4096)
      while true { total += try FileBytes.write(page, to: pipe.writer) }
    } catch {
      passed =
        Demo.check(
          error.error == .tryAgain && total == Pipe.capacity,
          "a full one: \(error.error.symbol) after \(total) bytes") && passed
    }
    return passed
  }

  /// Two writers of whole lines; a reader that gets whole lines.
  private static func atomicWrites() -> Bool {
    Demo.say("Two threads write 200 lines each; writes up to 4096 bytes are not divided.")
    guard let pipe = try? Pipe.make([]) else { return false }
    let writer = pipe.writer
    writer.hold()
    for letter in [0x41, 0x42] as [UInt8] {
      Thread.spawn("writer") {
        let line = [UInt8](repeating: letter, count: 999) + [0x0a]
        do throws(SystemFailure) {
          for _ in 0..<200 { try FileBytes.write(line, to: writer) }
        } catch {}
        writer.drop()
      }
    }
    var lines = 0
    var mixed = 0
    var current: [UInt8] = []
    while let part = read(pipe.reader, 4096), !part.isEmpty {
      for byte in part {
        guard byte == 0x0a else {
          current.append(byte)
          continue
        }
        lines += 1
        let first = current.first
        for other in current where other != first {
          mixed += 1
          break
        }
        current = []
      }
    }
    pipe.reader.drop()
    return Demo.check(lines == 400 && mixed == 0, "\(lines) lines arrived, \(mixed) of them mixed")
  }

  /// Something that a thread fills in for another.
  final class Box {
    var bytes: [UInt8] = []
    init() {}
  }
}

/// What a shell does for `seq 20 | grep 1 | wc -l`: three forks, two pipes, and many closes.
import Apus

enum PipelineDemo {
  static func run() -> Bool {
    Demo.say("Three programs side by side; each writes to 1 and reads from 0, and knows no other.")
    do throws(SystemError) {
      let first = try Descriptor.pipe()
      let second = try Descriptor.pipe()
      let result = try Descriptor.pipe()
      let all = [first, second, result]
      Demo.say("A pipe is two descriptors: what is written into one is read from the other.")
      let pids = [
        try start(["seq", "20"], input: nil, output: first.writing, closing: all),
        try start(["grep", "1"], input: first.reading, output: second.writing, closing: all),
        try start(["wc", "-l"], input: second.reading, output: result.writing, closing: all),
      ]
      Demo.say("Before it becomes a program, each child moves its ends to 0 and 1 by dup2.")
      for pipe in all { try pipe.writing.close() }
      Demo.say("The parent closes the writing ends: while one is open, no reader sees the end.")
      let answer = try result.reading.readAll()
      for pipe in all { try pipe.reading.close() }
      var passed = Demo.check(
        Words.split(answer.filter { $0 != 0x0a }) == [[UInt8](text: "11")],
        "wc counted 11 numbers with a 1 in them")
      for pid in pids {
        let status = try Process.wait(for: pid).status
        passed = Demo.check(status == .exited(code: 0), "a child ended with 0") && passed
      }
      return passed
    } catch {
      return Demo.check(false, "no call fails, but one did: \(error.symbol)")
    }
  }

  private static func start(
    _ words: [StaticString], input: Descriptor?, output: Descriptor,
    closing pipes: [(reading: Descriptor, writing: Descriptor)]
  ) throws(SystemError) -> Int32 {
    let pid = try Process.fork()
    guard pid == 0 else { return pid }
    if let input { _ = Call.dup2(input.rawValue, 0) }
    _ = Call.dup2(output.rawValue, 1)
    for pipe in pipes {
      _ = Call.close(pipe.reading.rawValue)
      _ = Call.close(pipe.writing.rawValue)
    }
    let error = Process.executeFromPath(words.map { [UInt8](text: $0) })
    complain("\(words[0]): \(error.name)")
    System.exitNow(127)
  }
}

/// strace [-cf] [-e NAME,NAME] [-o FILE] [-p PID | PROGRAM [ARGUMENTS]]: shows the system calls of a program, one a
/// line; -f of its children too, -e only those of a name, -c how often each was made and failed.
///
/// The program's lines come through a pipe, so that it writes into nothing of ours, and are chosen here.
import Apus

@main
struct Strace: Program {
  private struct Count {
    let name: [UInt8]
    var calls = 0
    var errors = 0
  }

  static func run(_ arguments: [[UInt8]]) -> Int32 {
    // What follows the program's name is the program's.
    var words = Array(arguments.dropFirst())
    var options: [[UInt8]] = [arguments[0]]
    while let word = words.first, word.count > 1, word[0] == 0x2d {
      options.append(words.removeFirst())
      // A letter with a value takes the rest of its word, or else the next one.
      let letter = word.firstIndex { [0x65, 0x6f, 0x70].contains($0) }
      if letter == word.count - 1, !words.isEmpty { options.append(words.removeFirst()) }
    }
    return trace(words, Request(options, hasProgram: !words.isEmpty))
  }

  /// What the options ask for.
  private struct Request {
    let follows: Bool
    let counts: Bool
    let names: [[UInt8]]
    let pid: Int32?
    let output: Descriptor

    init(_ words: [[UInt8]], hasProgram: Bool) {
      Usage.describe(
        "strace [-cf] [-e NAME,NAME] [-o FILE] [-p PID | PROGRAM [ARGUMENTS]]",
        "shows the system calls of a program")
      let options = Options(words, known: "cfe:o:p:")
      follows = options.has("f")
      counts = options.has("c")
      names = (options.value("e") ?? []).split(separator: 0x2c).map { Array($0) }
      pid = options.value("p")?.decimal.map { Int32(truncatingIfNeeded: $0) }
      guard (pid != nil) != hasProgram else { Usage.refuse("a program or -p, not both") }
      guard let path = options.value("o") else {
        output = .error
        return
      }
      let flags: OpenFlags = [.writeOnly, .create, .truncate]
      guard let file = try? Descriptor.open(path, flags) else { fail("\(text: path)") }
      output = file
    }
  }

  private static func trace(_ words: [[UInt8]], _ request: Request) -> Int32 {
    guard let pipe = try? Descriptor.pipe(.closeOnExec) else { fail("no pipe") }
    let flags: UInt64 = request.follows ? 1 : 0
    var child: Int32?
    if let pid = request.pid {
      if let error = Call.trace_calls(pipe.writing.rawValue, pid, flags).error {
        fail("process \(pid): \(error.name)")
      }
    } else {
      child = start(words, pipe.writing, flags)
    }
    try? pipe.writing.close()
    let counts = pass(pipe.reading, request)
    if request.counts { show(counts, on: request.output) }
    guard let child else { return 0 }
    var word: UInt32 = 0
    while Call.wait4(child, &word, 0, nil).error == .interrupted {}
    let signal = word & 0x7f
    if signal != 0 { complain("+++ ended by signal \(signal) +++") }
    return signal == 0 ? Int32(word >> 8) : Int32(128 + signal)
  }

  private static func start(
    _ words: [[UInt8]], _ lines: Descriptor, _ flags: UInt64
  ) -> Int32 {
    guard let pid = try? Process.fork() else { fail("no process") }
    if pid != 0 { return pid }
    Call.trace_calls(lines.rawValue, 0, flags)
    let error = Process.executeFromPath(words)
    Call.trace_calls(-1, 0, 0)
    complain("\(text: words[0]): \(error.name)")
    System.exitNow(127)
  }

  /// Reads lines until nobody is traced any more; shows those that are wanted, or counts them.
  private static func pass(_ lines: Descriptor, _ request: Request) -> [Count] {
    var counts: [Count] = []
    var rest: [UInt8] = []
    while let part = try? lines.read(limit: 4096), !part.isEmpty {
      rest += part
      while let end = rest.firstIndex(of: 0x0a) {
        let line = Array(rest[...end])
        rest.removeFirst(end + 1)
        let name = name(of: line)
        if !request.names.isEmpty, !request.names.contains(name) { continue }
        if request.counts {
          count(name, line, &counts)
        } else {
          try? request.output.write(all: line)
        }
      }
    }
    return counts
  }

  /// Between the thread's number and the parenthesis; empty for a signal.
  private static func name(of line: [UInt8]) -> [UInt8] {
    guard let start = line.firstIndex(of: 0x5d), let end = line.firstIndex(of: 0x28),
      start + 2 < end
    else { return [] }
    return Array(line[(start + 2)..<end])
  }

  private static func count(_ name: [UInt8], _ line: [UInt8], _ counts: inout [Count]) {
    if name.isEmpty { return }
    let index = counts.firstIndex { $0.name == name } ?? counts.count
    if index == counts.count { counts.append(Count(name: name)) }
    counts[index].calls += 1
    // A result of -1 follows the last equals sign before the words in parentheses.
    let mark = [UInt8](text: ") = -1 E")
    let isError = line.indices.contains { Array(line[$0...].prefix(mark.count)) == mark }
    if isError { counts[index].errors += 1 }
  }

  /// The most frequent first.
  private static func show(_ counts: [Count], on output: Descriptor) {
    var text: [UInt8] = []
    text += [UInt8]("   calls    errors  name\n" as TextLine)
    for count in counts.sorted(by: { $0.calls > $1.calls }) {
      let line: TextLine =
        "\(count.calls, width: 8)  \(count.errors, width: 8)  \(text: count.name)\n"
      text += [UInt8](line)
    }
    try? output.write(all: text)
  }
}

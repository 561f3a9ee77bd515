/// strace [-o FILE] PROGRAM [ARGUMENTS]: runs a program and shows its system calls, one a line.
import Apus

@main
struct Strace: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    var words = Array(arguments.dropFirst())
    var output = Descriptor.error
    if words.count > 1, words[0].equals("-o") {
      let flags: OpenFlags = [.writeOnly, .create, .truncate]
      guard let file = try? Descriptor.open(words[1], flags) else { fail("\(text: words[1])") }
      output = file
      words.removeFirst(2)
    }
    guard let name = words.first else {
      say("usage: strace [-o FILE] PROGRAM [ARGUMENTS]\n")
      return 1
    }
    guard let pid = try? Process.fork() else { fail("no process") }
    if pid == 0 {
      Call.trace_calls(output.rawValue)
      let error = Process.executeFromPath(words)
      Call.trace_calls(-1)
      complain("\(text: name): \(error.name)")
      System.exitNow(127)
    }
    var word: UInt32 = 0
    while Call.wait4(pid, &word, 0, nil).error == .interrupted {}
    let signal = word & 0x7f
    if signal != 0 { complain("+++ ended by signal \(signal) +++") }
    return signal == 0 ? Int32(word >> 8) : Int32(128 + signal)
  }
}

/// script: compiles an expression here and lets the kernel verify and run it.
///
/// Without an option it shows the instructions. -t EVENT makes it the filter of a trace event, -d takes
/// that away; -s lets it decide which system calls COMMAND may make.
import Apus

enum ScriptTools {
  static func run(_ arguments: [[UInt8]]) throws(SystemError) -> Int32 {
    guard let first = arguments.first else { return 2 }
    if first.equals("-d") {
      try Call.bpf(2, nil, 0, 0).check()
    } else if first.equals("-t"), arguments.count == 3 {
      return try attach(event: arguments[1], arguments[2])
    } else if first.equals("-s"), arguments.count >= 3 {
      return try filter(arguments[1], Array(arguments[2...]))
    } else if arguments.count == 1 {
      guard let code = compile(first, traceNames) else { return 1 }
      for (index, instruction) in code.enumerated() { show(index, instruction) }
      try code.withUnsafeBytes { Call.bpf(0, $0.baseAddress, UInt64($0.count), 0) }.check()
    } else {
      return 2
    }
    return 0
  }

  private static var traceNames: [[UInt8]] {
    ["event", "thread", "cpu", "a", "b", "c"].map { (name: StaticString) in path(name) }
  }

  private static var callNames: [[UInt8]] {
    ["call", "pid", "arg0", "arg1", "arg2", "arg3"].map { (name: StaticString) in path(name) }
  }

  private static func compile(_ text: [UInt8], _ names: [[UInt8]]) -> [ScriptInstruction]? {
    do throws(ScriptCompiler.Failure) {
      return try ScriptCompiler.compile(text, names: names)
    } catch {
      switch error {
      case .unexpected(let at): complain("not understood from character \(at + 1) on")
      case .unknownName(let name): complain("unknown name \(text: name)")
      case .tooComplex: complain("too complex")
      }
      return nil
    }
  }

  private static func attach(event: [UInt8], _ text: [UInt8]) throws(SystemError) -> Int32 {
    var number: UInt64?
    let events = try FileTree.contents(of: path("/proc/tracing/events")).split(separator: 0x0a)
    for (index, line) in events.enumerated() where Words.split(Array(line)).first == event {
      number = UInt64(index)
    }
    guard let number else { throw SystemError.notFound }
    guard let code = compile(text, traceNames) else { return 1 }
    try code.withUnsafeBytes { Call.bpf(1, $0.baseAddress, UInt64($0.count), number) }.check()
    return 0
  }

  private static func filter(
    _ text: [UInt8], _ command: [[UInt8]]
  ) throws(SystemError) -> Int32 {
    guard let code = compile(text, callNames) else { return 1 }
    let setFilter: UInt32 = 1
    try code.withUnsafeBytes { Call.seccomp(setFilter, UInt64($0.count), $0.baseAddress) }.check()
    throw Process.executeFromPath(command)
  }

  private static func show(_ index: Int, _ i: ScriptInstruction) {
    let names: [StaticString] = [
      "move", "add", "sub", "mul", "div", "mod", "and", "or", "xor", "shl", "shr", "ldctx",
      "ldstk", "ststk", "count", "jump", "jeq", "jne", "jgt", "jge", "jlt", "jle", "exit",
    ]
    var line: TextLine = "\(index, width: 3)  \(names[Int(i.operation)], padded: 6)"
    line.append(line: "r\(i.target), ")
    if i.source == ScriptInstruction.immediate {
      line.append(line: "\(i.value)")
    } else {
      line.append(line: "r\(i.source)")
    }
    line.append(line: ", \(i.offset)\n")
    say(line)
  }
}

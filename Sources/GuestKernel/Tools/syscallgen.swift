// syscallgen TABLE KERNEL.swift PROGRAMS.swift STAMP   writes what both sides of a system call agree on
import Foundation

@main
enum SystemCallGenerator {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 5 else {
      fail("usage: syscallgen TABLE KERNEL.swift PROGRAMS.swift STAMP")
    }
    let calls = try table(arguments[1])
    try write(enumeration(calls) + kernel(calls), arguments[2])
    try write(enumeration(calls) + programs(calls), arguments[3])
    try write("\(calls.count) system calls\n", arguments[4])
  }

  static func fail(_ reason: String) -> Never {
    FileHandle.standardError.write(Data("syscallgen: \(reason)\n".utf8))
    exit(1)
  }

  private static func write(_ text: String, _ path: String) throws {
    let file = URL(filePath: path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: file, atomically: true, encoding: .utf8)
  }

  /// Reads the lines of the table and checks that numbers and names come once.
  private static func table(_ path: String) throws -> [Call] {
    let text = try String(contentsOf: URL(filePath: path), encoding: .utf8)
    var calls: [Call] = []
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let line = line.trimmingCharacters(in: .whitespaces)
      if line.isEmpty || line.hasPrefix("#") { continue }
      guard let call = Call(line) else {
        fail("\(path):\(index + 1): expected `number name(argument: type, ...) handler`: \(line)")
      }
      guard !calls.contains(where: { $0.number == call.number || $0.name == call.name }) else {
        fail("\(path):\(index + 1): number \(call.number) or name \(call.name) is there already")
      }
      calls.append(call)
    }
    return calls
  }

  // MARK: What is written

  private static func enumeration(_ calls: [Call]) -> String {
    "/// The system calls by number: written by syscallgen from SystemCalls.tbl.\n"
      + "package enum SystemCall: UInt64 {\n"
      + calls.map { "  case \($0.name) = \($0.number)\n" }.joined() + "}\n"
  }

  private static func kernel(_ calls: [Call]) -> String {
    var text = "import KernelArch\n\nextension SystemCalls {\n"
    text += "  static func dispatch(\n"
    text += "    _ number: UInt64, _ f: CallArguments, _ frame: UnsafeMutablePointer<trap_frame>\n"
    text += "  ) -> Answer {\n    switch number {\n"
    for call in calls where call.handler != "-" {
      text += "    case \(call.number): return \(call.invocation)\n"
    }
    text += "    default: return fail(.noSuchCall)\n    }\n  }\n\n"
    text += "  /// The name of a call, and a letter for each argument: see TracedCall.\n"
    text += "  static func signature(\n    _ number: UInt64\n"
    text += "  ) -> (name: StaticString, letters: StaticString)? {\n    switch number {\n"
    for call in calls {
      text += "    case \(call.number): return (\"\(call.name)\", \"\(call.letters)\")\n"
    }
    return text + "    default: return nil\n    }\n  }\n}\n"
  }

  private static func programs(_ calls: [Call]) -> String {
    "import UserSystem\n\n/// Every system call as it is: numbers and addresses in, an outcome out.\n"
      + "package enum Call {\n" + calls.map(\.stub).joined(separator: "\n") + "}\n"
  }
}

struct Call {
  struct Argument {
    let name: String
    let type: ArgumentType
  }

  let number: UInt64
  let name: String
  let arguments: [Argument]
  /// The handler's name without its marks.
  let handler: String
  let marks: Set<Character>

  private static let registers = ["rdi", "rsi", "rdx", "r10", "r8", "r9"]

  init?(_ line: String) {
    guard let open = line.firstIndex(of: "("), let close = line.firstIndex(of: ")") else {
      return nil
    }
    let head = line[..<open].split(separator: " ")
    guard head.count == 2, let number = UInt64(head[0]) else { return nil }
    self.number = number
    name = String(head[1])
    var arguments: [Argument] = []
    for part in line[line.index(after: open)..<close].split(separator: ",") {
      let words = part.split(separator: ":").map { $0.trimmingCharacters(in: .whitespaces) }
      guard words.count == 2, let type = ArgumentType(words[1]) else { return nil }
      arguments.append(Argument(name: words[0], type: type))
    }
    guard arguments.count <= Call.registers.count else { return nil }
    self.arguments = arguments
    let rest = line[line.index(after: close)...].trimmingCharacters(in: .whitespaces)
    handler = String(rest.prefix { !"?!".contains($0) })
    marks = Set(rest.dropFirst(handler.count))
    guard !handler.isEmpty, !handler.contains(" ") else { return nil }
  }

  var invocation: String {
    var values = marks.contains("!") ? ["frame"] : []
    for (argument, register) in zip(arguments, Call.registers) {
      values.append(argument.type.decoded("f.\(register)"))
    }
    let text = "\(handler)(\(values.joined(separator: ", ")))"
    return marks.contains("?") ? "answer { () throws(SystemFailure) in try \(text) }" : text
  }

  var letters: String { arguments.map(\.type.letter).joined() }

  var stub: String {
    let parameters = arguments.map { "_ \($0.name): \($0.type.swift)" }.joined(separator: ", ")
    let values = arguments.map { ", \($0.type.encoded($0.name))" }.joined()
    let function = arguments.count > 4 ? "system_call6" : "system_call"
    let fill = arguments.count > 4 ? 6 : 4
    let zeroes = String(repeating: ", 0", count: fill - arguments.count)
    return """
        @discardableResult @inline(__always)
        package static func \(name)(\(parameters)) -> Outcome {
          Outcome(\(function)(\(number)\(values)\(zeroes)))
        }

      """
  }
}

/// A type of the table: how it travels in a register, and the letter by which TracedCall shows it.
struct ArgumentType {
  enum Shape {
    case int32, uint32, int64, uint64, path, input, output
  }

  let shape: Shape
  let letter: String

  private static let shapes: [(Shape, [String: String])] = [
    (
      .int32,
      [
        "int": "d", "pid": "d", "fd": "d", "signal": "g", "directory": "@", "how": "h",
        "clock": "c", "command": "!", "origin": "#", "resource": "$", "lock": "%", "event": "&",
      ]
    ),
    (.uint32, ["uint": "u", "octal": "o", "access": "z"]),
    (.int64, ["long": "l"]),
    (
      .uint64,
      [
        "size": "u", "hex": "x", "address": "p", "open": "f", "protection": "n", "mapping": "k",
        "wait": "w", "at": "y", "request": "q", "descriptor": "+",
      ]
    ),
    (.path, ["path": "s"]),
    (
      .input,
      [
        "in": "b", "in.strings": "v", "in.environment": "e", "in.action": "a", "in.time": "t",
        "in.interval": "i", "in.set": "m", "in.limit": "r", "in.information": "j",
      ]
    ),
    (
      .output,
      [
        "out": "p", "out.data": "B", "out.pair": "P", "out.news": "W", "out.status": "S",
        "out.action": "A", "out.time": "T", "out.interval": "I", "out.set": "M", "out.limit": "R",
        "out.information": "J",
      ]
    ),
  ]

  init?(_ name: String) {
    for (shape, letters) in ArgumentType.shapes {
      guard let letter = letters[name] else { continue }
      self.shape = shape
      self.letter = letter
      return
    }
    return nil
  }

  /// The type in a stub's parameter list.
  var swift: String {
    switch shape {
    case .int32: "Int32"
    case .uint32: "UInt32"
    case .uint64: "UInt64"
    case .int64: "Int64"
    case .path: "UnsafePointer<UInt8>?"
    case .input: "UnsafeRawPointer?"
    case .output: "UnsafeMutableRawPointer?"
    }
  }

  /// How a stub puts it into a register.
  func encoded(_ name: String) -> String {
    switch shape {
    case .int32, .int64: "UInt64(bitPattern: Int64(\(name)))"
    case .uint32: "UInt64(\(name))"
    case .uint64: name
    case .path, .input, .output: "UInt64(UInt(bitPattern: \(name)))"
    }
  }

  /// How the kernel takes it out of one.
  func decoded(_ register: String) -> String {
    switch shape {
    case .int32: "Int32(truncatingIfNeeded: \(register))"
    case .uint32: "UInt32(truncatingIfNeeded: \(register))"
    case .int64: "Int64(bitPattern: \(register))"
    case .uint64, .path, .input, .output: register
    }
  }
}

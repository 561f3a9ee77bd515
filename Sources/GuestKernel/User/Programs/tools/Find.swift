/// find: walks a tree and does something with the names that pass all tests. du: how much is in it.
import Apus

enum Find {
  static let tool = Tool(
    name: "find",
    usage: """
      find [PATH...] [-name PATTERN] [-type T] [-size N] [-newer FILE] [-maxdepth N] [! TEST] \
      [-print] [-delete] [-exec COMMAND {} ;]
      """,
    summary: "names in a tree", run: run)

  private enum Step {
    case name([UInt8])
    case path([UInt8])
    case kind(UInt8)
    case size(Int, UInt8)
    case newer(UInt64)
    case empty
    indirect case not(Step)
    case print
    case delete
    case execute([[UInt8]])
  }

  private struct Request {
    var steps: [Step] = []
    var deepest = Int.max
    var hasAction = false
  }

  private static func run(_ arguments: [[UInt8]]) -> Int32 {
    var words = arguments.dropFirst()
    var roots: [[UInt8]] = []
    while let word = words.first, word.first != 0x2d, !word.equals("!") {
      roots.append(word)
      words = words.dropFirst()
    }
    var request = Request()
    while !words.isEmpty { request.steps.append(step(&words, &request)) }
    if !request.hasAction { request.steps.append(.print) }
    return forEachOperand(roots.isEmpty ? [[0x2e]] : roots) { (root) throws(SystemError) in
      try walk(root, 0, request)
    }
  }

  private static func step(_ words: inout ArraySlice<[UInt8]>, _ request: inout Request) -> Step {
    guard let word = words.popFirst() else { Usage.refuse("a test is missing") }
    func value() -> [UInt8] {
      guard let value = words.popFirst() else {
        Usage.refuse("\(text: word): its value is missing")
      }
      return value
    }
    if word.equals("!") { return .not(step(&words, &request)) }
    if word.equals("-name") { return .name(value()) }
    if word.equals("-path") { return .path(value()) }
    if word.equals("-empty") { return .empty }
    if word.equals("-type") {
      let type = value()
      guard type.count == 1, [UInt8](text: "fdlpcb").contains(type[0]) else {
        Usage.refuse("\(text: type): a type is one of f d l p c b")
      }
      return .kind(type[0])
    }
    if word.equals("-size") {
      let text = value()
      let sign = text.first == 0x2b || text.first == 0x2d ? 1 : 0
      guard let count = ByteCount.parse(Array(text.dropFirst(sign)).filter { $0 != 0x63 }) else {
        Usage.refuse("\(text: text): not a size")
      }
      // Without a unit, in blocks of 512 bytes, as POSIX has it.
      let isBlocks = text.last?.isDigit ?? false
      return .size(Int(count) * (isBlocks ? 512 : 1), sign == 1 ? text[0] : 0x3d)
    }
    if word.equals("-newer") {
      let name = value()
      do throws(SystemError) {
        return .newer(try FileTree.status(of: name).modified)
      } catch {
        fail("\(text: name): \(error.name)")
      }
    }
    if word.equals("-maxdepth") {
      guard let depth = value().decimal, depth < 1 << 20 else { Usage.refuse("not a depth") }
      request.deepest = Int(depth)
      return .not(.not(.path([0x2a])))
    }
    request.hasAction = true
    if word.equals("-print") { return .print }
    if word.equals("-delete") { return .delete }
    guard word.equals("-exec") else { Usage.refuse("there is no test \(text: word)") }
    var command: [[UInt8]] = []
    while let part = words.popFirst() {
      if part.equals(";") {
        guard !command.isEmpty else { break }
        return .execute(command)
      }
      command.append(part)
    }
    Usage.refuse("-exec ends with a ; of its own")
  }

  private static func walk(
    _ place: [UInt8], _ depth: Int, _ request: Request
  ) throws(SystemError) {
    let status = try FileTree.status(of: place, followingLinks: false)
    let deletes = request.steps.contains { if case .delete = $0 { true } else { false } }
    // What is in a directory goes before it does.
    if !deletes { try apply(request, place, status) }
    if status.mode.kind == .directory, depth < request.deepest {
      for entry in try FileTree.entries(of: place) {
        let inner = path(place, entry.name)
        do throws(SystemError) {
          try walk(inner, depth + 1, request)
        } catch {
          complain("\(text: inner): \(error.name)")
        }
      }
    }
    if deletes { try apply(request, place, status) }
  }

  private static func apply(
    _ request: Request, _ place: [UInt8], _ status: FileStatus
  ) throws(SystemError) {
    for step in request.steps {
      guard try passes(step, place, status) else { return }
    }
  }

  private static func passes(
    _ step: Step, _ place: [UInt8], _ status: FileStatus
  ) throws(SystemError) -> Bool {
    switch step {
    case .name(let pattern): return Glob.matches(pattern, place.lastPathPart)
    case .path(let pattern): return Glob.matches(pattern, place)
    case .kind(let letter):
      return status.mode.kind.letter == (letter == UInt8(ascii: "f") ? 0x2d : letter)
    case .size(let bytes, let sign):
      let size = Int(clamping: status.size)
      return sign == 0x2b ? size > bytes : sign == 0x2d ? size < bytes : size == bytes
    case .newer(let time): return status.modified > time
    case .empty:
      guard status.mode.kind == .directory else { return status.size == 0 }
      return try FileTree.entries(of: place).isEmpty
    case .not(let other): return try !passes(other, place, status)
    case .print:
      say(bytes: place + [0x0a])
      return true
    case .delete:
      if place.equals(".") { return true }
      if status.mode.kind == .directory {
        try FileTree.removeDirectory(place)
      } else {
        try FileTree.remove(place)
      }
      return true
    case .execute(let command):
      return runAndWait(command.map { $0.equals("{}") ? place : $0 }) == 0
    }
  }
}

enum DiskUsage {
  static let tool = Tool(
    name: "du", usage: "du [-ahs] [PATH...]", summary: "how much is in directories", run: run)

  private static func run(_ arguments: [[UInt8]]) -> Int32 {
    let options = Options(arguments, known: "ahks")
    let roots = options.operands.isEmpty ? [[0x2e]] : options.operands
    return forEachOperand(roots) { (root) throws(SystemError) in
      let total = try measure(root, options, isRoot: true)
      if options.has("s") { show(total, root, options) }
    }
  }

  /// In blocks of 512 bytes; a file with several names counts for each.
  private static func measure(
    _ place: [UInt8], _ options: Options, isRoot: Bool
  ) throws(SystemError) -> UInt64 {
    let status = try FileTree.status(of: place, followingLinks: false)
    var total = status.blocks
    let isDirectory = status.mode.kind == .directory
    if isDirectory {
      for entry in try FileTree.entries(of: place) {
        let inner = path(place, entry.name)
        do throws(SystemError) {
          total += try measure(inner, options, isRoot: false)
        } catch {
          complain("\(text: inner): \(error.name)")
        }
      }
    }
    if !options.has("s"), isDirectory || isRoot || options.has("a") { show(total, place, options) }
    return total
  }

  private static func show(_ blocks: UInt64, _ place: [UInt8], _ options: Options) {
    let size = options.has("h") ? (blocks * 512).brief : [UInt8](decimal: (blocks + 1) / 2)
    say(bytes: size + [0x09] + place + [0x0a])
  }
}

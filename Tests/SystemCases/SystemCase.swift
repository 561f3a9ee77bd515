import Foundation

/// A value by name, or a quadword of physical memory by address.
enum Assignment {
  case register(String, String)
  case memory(UInt64, UInt64)

  /// Reads `name=value` or `[address]=value`.
  init?(_ word: Substring) {
    guard let equals = word.firstIndex(of: "=") else { return nil }
    let name = word[..<equals]
    let value = word[word.index(after: equals)...]
    guard name.hasPrefix("[") else {
      self = .register(String(name), String(value))
      return
    }
    guard let address = UInt64(name.dropFirst().dropLast(), radix: 16),
      let number = UInt64(value, radix: 16)
    else { return nil }
    self = .memory(address, number)
  }
}

/// A machine's memory and registers before a case.
struct SystemState {
  var registers: [String: UInt64] = [:]
  var memory: [UInt64: UInt64] = [:]

  mutating func apply(_ assignment: Assignment) {
    switch assignment {
    case .register(let name, let text): registers[name] = UInt64(text, radix: 16) ?? 0
    case .memory(let address, let value): memory[address] = value
    }
  }

  subscript(name: String) -> UInt64 { registers[name] ?? 0 }
}

/// One line of a file of cases: what `generate.py` made up and the second implementation answered.
struct SystemCase {
  /// File and line.
  var place: String
  var label: String
  var number: Int
  var start: SystemState
  /// Whether the processor has linear addresses of 57 bits.
  var hasFiveLevels: Bool { place.hasPrefix("levels") }
  /// `hlt` or `shutdown`.
  var ending: String
  var changes: [Assignment]

  init?(_ text: Substring, place: String, environments: [String: SystemState]) {
    let fields = text.split(separator: "|", omittingEmptySubsequences: false)
    guard fields.count == 4,
      let environment = environments[fields[1].trimmingCharacters(in: .whitespaces)]
    else { return nil }
    self.place = place
    label = fields[0].trimmingCharacters(in: .whitespaces)
    number = Int(label.split(separator: " ")[0]) ?? 0
    start = environment
    for word in fields[2].split(separator: " ") {
      guard let assignment = Assignment(word) else { return nil }
      start.apply(assignment)
    }
    let words = fields[3].split(separator: " ")
    guard let first = words.first else { return nil }
    ending = String(first)
    changes = words.dropFirst().compactMap { Assignment($0) }
    guard changes.count == words.count - 1 else { return nil }
  }

  static let folder = URL(filePath: #filePath).deletingLastPathComponent()

  /// The environments by name.
  static func environments() throws -> [String: SystemState] {
    let text = try ["environments.txt", "levels_environments.txt"].map {
      try String(contentsOf: folder.appending(path: $0), encoding: .utf8)
    }
    var all: [String: SystemState] = [:]
    var name = ""
    for line in text.joined().split(separator: "\n") {
      if line.hasPrefix("environment ") {
        name = String(line.dropFirst("environment ".count))
      } else if let assignment = Assignment(line) {
        all[name, default: SystemState()].apply(assignment)
      }
    }
    return all
  }

  static func all() throws -> [SystemCase] {
    let environments = try environments()
    return try ["cases.txt", "modes.txt", "levels.txt"].flatMap { file in
      let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
      return text.split(separator: "\n").enumerated().compactMap { index, line in
        SystemCase(line, place: "\(file):\(index + 1)", environments: environments)
      }
    }
  }

  /// Numbers of cases in which the second implementation is wrong, with the reason.
  static func exceptions() throws -> [Int: String] {
    let text = try String(contentsOf: folder.appending(path: "exceptions.txt"), encoding: .utf8)
    var all: [Int: String] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: " ", maxSplits: 1)
      if parts.count == 2, let number = Int(parts[0]) { all[number] = String(parts[1]) }
    }
    return all
  }
}

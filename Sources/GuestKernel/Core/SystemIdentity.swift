/// What `uname` tells: six texts, each in a field of its own.
package enum SystemIdentity: Int, CaseIterable {
  case system
  case node
  case release
  case version
  case machine
  case domain

  /// Bytes of a field, with the NUL behind the text, as on Linux.
  package static let fieldSize = 65
  /// The longest name of a machine.
  package static let longestNode = fieldSize - 1

  /// All fields in one record, with what does not change and this node's name.
  package static func record(node: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    for field in allCases {
      let text: [UInt8] =
        switch field {
        case .system: [UInt8](text: "Apus")
        case .node: node
        case .release: [UInt8](text: "0.1.0")
        case .version: [UInt8](text: "a teaching kernel in Embedded Swift")
        case .machine: [UInt8](text: "x86_64")
        case .domain: [UInt8](text: "(none)")
        }
      bytes += text.prefix(fieldSize - 1)
      bytes += [UInt8](repeating: 0, count: (field.rawValue + 1) * fieldSize - bytes.count)
    }
    return bytes
  }

  /// This field's text in a record.
  package func text(in record: [UInt8]) -> [UInt8] {
    let start = rawValue * Self.fieldSize
    guard start + Self.fieldSize <= record.count else { return [] }
    return Array(record[start..<start + Self.fieldSize].prefix { $0 != 0 })
  }
}

/// One line of a row file: `bytes | text | state before | state after`.
///
/// `Tests/Rows/README.md` describes the form.
package struct Row {
  package var code: [UInt8]
  package var text: String
  package var before: String
  package var after: String

  /// Reads `line`; nil for an empty line or a comment.
  package init?(_ line: some StringProtocol) throws(RowError) {
    let fields = line.split(separator: "|", omittingEmptySubsequences: false)
      .map { $0.split(separator: " ").joined(separator: " ") }
    if line.allSatisfy(\.isWhitespace) || line.hasPrefix("#") { return nil }
    guard fields.count == 4 || fields.count == 3 else {
      throw RowError("expected four fields: \(line)")
    }
    code = try Row.bytes(fields[0])
    text = fields[1]
    before = fields[2]
    after = fields.count == 4 ? fields[3] : ""
  }

  package init(code: [UInt8], text: String, before: String, after: String) {
    self.code = code
    self.text = text
    self.before = before
    self.after = after
  }

  /// The line that `init` reads.
  package var line: String {
    let bytes = code.map { padded(UInt64($0), 2) }.joined(separator: " ")
    return "\(bytes) | \(text) | \(before) |\(after.isEmpty ? "" : " ")\(after)"
  }

  /// The state and the data that the row starts from.
  package func start() throws(RowError) -> (state: UserState, image: DataImage) {
    var state = UserState()
    var image = DataImage()
    for word in before.split(separator: " ") {
      let (name, value) = try Row.pair(word)
      if name.hasPrefix("[") {
        try Row.fill(&image, name, value)
      } else {
        try state.set(String(name), String(value))
      }
    }
    if state.width == .compatibility { state.takeSegmentBases() }
    return (state, image)
  }

  /// Hexadecimal bytes, with or without spaces between them.
  static func bytes(_ text: some StringProtocol) throws(RowError) -> [UInt8] {
    let digits = Array(text.filter { $0 != " " })
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count - 1, by: 2) {
      guard let byte = UInt8(String(digits[index...index + 1]), radix: 16) else {
        throw RowError("not bytes: \(text)")
      }
      bytes.append(byte)
    }
    return bytes
  }

  private static func pair(
    _ word: Substring
  ) throws(RowError) -> (name: Substring, value: Substring) {
    guard let equals = word.firstIndex(of: "=") else { throw RowError("no = in \(word)") }
    return (word[..<equals], word[word.index(after: equals)...])
  }

  private static func fill(
    _ image: inout DataImage, _ name: Substring, _ value: Substring
  ) throws(RowError) {
    let contents = try bytes(value)
    guard let address = UInt64(name.dropFirst().dropLast(), radix: 16),
      address >= DataImage.address,
      address - DataImage.address <= UInt64(DataImage.size - contents.count)
    else { throw RowError("not in the data pages: \(name)") }
    for (index, byte) in contents.enumerated() {
      image.bytes[Int(address - DataImage.address) + index] = byte
    }
  }
}

/// What is wrong with a row.
package struct RowError: Error, CustomStringConvertible {
  package var description: String

  init(_ description: String) {
    self.description = description
  }
}

extension Row {
  /// The row that says what `outcome` was, leaving out what `masks` says is undefined.
  package init(_ item: Case, image: DataImage, outcome: Outcome, masks: Masks, text: String) {
    code = item.code
    self.text = text
    var start = UserState()
    if item.before.width == .compatibility { start.takeSegmentBases(from: item.before) }
    start.rip = item.before.rip
    before =
      (item.before.changes(from: start, undefinedFlags: 0, undefinedConditions: 0)
      + Row.memory(image)).joined(separator: " ")
    after = Row.after(item, outcome: outcome, masks: masks)
  }

  /// The fourth field for `outcome`.
  package static func after(_ item: Case, outcome: Outcome, masks: Masks) -> String {
    var words: [String] = []
    let end = item.before.rip &+ UInt64(item.code.count)
    let ranOff = outcome.ending.text == "#BP" && outcome.after.rip == end &+ 1
    if !ranOff {
      words.append("\(outcome.ending.text)")
      words.append("rip=+\(hex(outcome.after.rip &- item.before.rip))")
    }
    words += outcome.after.changes(
      from: item.before, undefinedFlags: masks.flags(at: outcome.after.rip, start: item.before.rip),
      undefinedConditions: masks.conditions(at: outcome.after.rip, start: item.before.rip))
    for change in outcome.changes
    where !masks.memory.contains(where: { $0.overlaps(change.offset..<change.offset + 8) }) {
      let text = MemoryOperandChooser.bytes(change.value).map { padded(UInt64($0), 2) }.joined()
      words.append("[\(hex(DataImage.address &+ UInt64(change.offset)))]=\(text)")
    }
    return words.joined(separator: " ")
  }

  private static func memory(_ image: DataImage) -> [String] {
    stride(from: 0, to: DataImage.size, by: 8).compactMap { offset in
      let value = image[quadword: offset]
      if value == 0 { return nil }
      let text = MemoryOperandChooser.bytes(value).map { padded(UInt64($0), 2) }.joined()
      return "[\(hex(DataImage.address &+ UInt64(offset)))]=\(text)"
    }
  }
}

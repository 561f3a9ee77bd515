/// sort: lines in order, by all of each or by some of its fields.
import Apus

enum Sort {
  static let tool = Tool(
    name: "sort", usage: "sort [-bcfhnru] [-t C] [-k FIELD[,FIELD][bfhnr]]... [-o FILE] [FILE...]",
    summary: "lines in order", run: run)

  /// How two texts are compared.
  private struct Order {
    var byNumber = false
    var bySize = false
    var ignoresCase = false
    var ignoresBlanks = false
    var isReversed = false

    /// Takes a letter; false when it means nothing.
    mutating func take(_ letter: UInt8) -> Bool {
      switch Unicode.Scalar(letter) {
      case "n": byNumber = true
      case "h": bySize = true
      case "f": ignoresCase = true
      case "b": ignoresBlanks = true
      case "r": isReversed = true
      default: return false
      }
      return true
    }

    var isPlain: Bool { !byNumber && !bySize && !ignoresCase && !ignoresBlanks && !isReversed }

    /// Negative when the first comes first.
    func compare(_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) -> Int {
      let order = plainOrder(first, second)
      return isReversed ? -order : order
    }

    private func plainOrder(_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) -> Int {
      if byNumber || bySize {
        let left = Array(first).leadingNumber(withUnit: bySize)
        let right = Array(second).leadingNumber(withUnit: bySize)
        return left < right ? -1 : left > right ? 1 : 0
      }
      var (left, right) = (first, second)
      if ignoresBlanks {
        left = left.drop { $0.isBlank }
        right = right.drop { $0.isBlank }
      }
      let before =
        ignoresCase
        ? left.lexicographicallyPrecedes(right) { $0.lowercased < $1.lowercased }
        : left.lexicographicallyPrecedes(right)
      if before { return -1 }
      let after =
        ignoresCase
        ? right.lexicographicallyPrecedes(left) { $0.lowercased < $1.lowercased }
        : right.lexicographicallyPrecedes(left)
      return after ? 1 : 0
    }
  }

  /// `-k 2,3n`: from the first byte of a field to the last of another, or of the line.
  private struct Key {
    var start = (field: 1, byte: 1)
    var end: (field: Int, byte: Int)?
    var order: Order

    /// Without letters of its own it has those of the whole.
    init?(_ text: [UInt8], _ whole: Order) {
      order = Order()
      let parts = text.split(separator: 0x2c, omittingEmptySubsequences: false)
      guard parts.count <= 2, let first = place(parts[0]) else { return nil }
      start = (first.field, max(1, first.byte))
      if parts.count == 2 {
        guard let last = place(parts[1]) else { return nil }
        end = last
      }
      if order.isPlain { order = whole }
    }

    private mutating func place(_ text: ArraySlice<UInt8>) -> (field: Int, byte: Int)? {
      let digits = text.prefix { $0.isDigit || $0 == 0x2e }
      for letter in text[digits.endIndex...] {
        guard order.take(letter) else { return nil }
      }
      let numbers = digits.split(separator: 0x2e).map { Array($0).decimal }
      guard (1...2).contains(numbers.count), let field = numbers[0], field > 0 else { return nil }
      guard numbers.count == 2 else { return (Int(field), 0) }
      guard let byte = numbers[1] else { return nil }
      return (Int(field), Int(byte))
    }

    func part(of line: [UInt8], _ separator: UInt8?) -> ArraySlice<UInt8> {
      let fields = Self.fields(line, separator)
      guard start.field <= fields.count else { return [] }
      let from = min(fields[start.field - 1].lowerBound + start.byte - 1, line.count)
      guard let end, end.field <= fields.count else { return line[from...] }
      let last = fields[end.field - 1]
      let to = end.byte == 0 ? last.upperBound : min(last.lowerBound + end.byte, last.upperBound)
      return from < to ? line[from..<to] : []
    }

    /// Blanks belong to the field behind them, as POSIX wants it.
    private static func fields(_ line: [UInt8], _ separator: UInt8?) -> [Range<Int>] {
      var fields: [Range<Int>] = []
      var start = 0
      for at in 0..<line.count {
        let ends =
          separator.map { line[at] == $0 }
          ?? (line[at].isBlank && at > start && !line[at - 1].isBlank)
        guard ends else { continue }
        fields.append(start..<at)
        start = separator == nil ? at : at + 1
      }
      return fields + [start..<line.count]
    }
  }

  private static func run(_ arguments: [[UInt8]]) -> Int32 {
    let options = Options(arguments, known: "bcfhnrut:k:o:")
    var whole = Order()
    for letter in "bfhnr".unicodeScalars where options.has(letter) {
      _ = whole.take(UInt8(ascii: letter))
    }
    let separator = options.value("t")?.first
    var keys: [Key] = []
    for text in options.values("k") {
      guard let key = Key(text, whole) else { Usage.refuse("\(text: text): not a key") }
      keys.append(key)
    }
    func compare(_ first: [UInt8], _ second: [UInt8]) -> Int {
      if keys.isEmpty { return whole.compare(first[...], second[...]) }
      for key in keys {
        let order = key.order.compare(
          key.part(of: first, separator), key.part(of: second, separator))
        if order != 0 { return order }
      }
      return 0
    }

    var lines: [[UInt8]] = []
    let code = forEachInput(options.operands) { input, _ in
      while let line = input.line() { lines.append(line) }
    }
    if options.has("c") { return isSorted(lines, compare, options) ? code : 1 }
    // What is equal by the keys is put in order by the whole line, unless only one of it is wanted.
    let isUnique = options.has("u")
    let order = Order()
    lines = Self.sorted(lines) { first, second in
      let result = compare(first, second)
      if result != 0 || isUnique { return result }
      let rest = order.compare(first[...], second[...])
      return whole.isReversed ? -rest : rest
    }
    if isUnique {
      var kept: [[UInt8]] = []
      for line in lines where kept.last.map({ compare($0, line) != 0 }) ?? true {
        kept.append(line)
      }
      lines = kept
    }
    guard let file = options.value("o") else {
      for line in lines { say(bytes: line + [0x0a]) }
      return code
    }
    return code
      | forEachOperand([file]) { (name) throws(SystemError) in
        try FileTree.write(Array(lines.map { $0 + [0x0a] }.joined()), to: name)
      }
  }

  private static func isSorted(
    _ lines: [[UInt8]], _ compare: ([UInt8], [UInt8]) -> Int, _ options: Options
  ) -> Bool {
    for index in lines.indices.dropFirst() {
      let order = compare(lines[index - 1], lines[index])
      guard order > 0 || (order == 0 && options.has("u")) else { continue }
      complain("line \(index + 1) is out of order")
      return false
    }
    return true
  }

  /// Merges sorted halves: what is equal keeps its order.
  private static func sorted(
    _ lines: [[UInt8]], _ compare: ([UInt8], [UInt8]) -> Int
  ) -> [[UInt8]] {
    guard lines.count > 1 else { return lines }
    let left = sorted(Array(lines[..<(lines.count / 2)]), compare)
    let right = sorted(Array(lines[(lines.count / 2)...]), compare)
    var merged: [[UInt8]] = []
    merged.reserveCapacity(lines.count)
    var (l, r) = (0, 0)
    while l < left.count, r < right.count {
      if compare(left[l], right[r]) <= 0 {
        merged.append(left[l])
        l += 1
      } else {
        merged.append(right[r])
        r += 1
      }
    }
    return merged + left[l...] + right[r...]
  }
}

extension [UInt8] {
  /// The number a line begins with, in thousandths, for sorting; 0 without one.
  ///
  /// With `withUnit` a K, M or G behind it counts.
  func leadingNumber(withUnit: Bool = false) -> Int {
    let text = drop { $0.isBlank }
    let sign = text.first == 0x2d || text.first == 0x2b ? 1 : 0
    let digits = text.dropFirst(sign).prefix { $0.isDigit }
    var value = Swift.min(Int(clamping: Array(digits).decimal ?? 0), 1 << 40) * 1000
    var rest = text.dropFirst(sign + digits.count)
    if rest.first == 0x2e {
      rest = rest.dropFirst()
      var unit = 100
      while let digit = rest.first, digit.isDigit {
        value += Int(digit - 0x30) * unit
        unit /= 10
        rest = rest.dropFirst()
      }
    }
    if withUnit {
      switch (rest.first ?? 0) | 0x20 {
      case UInt8(ascii: "k"): value <<= 10
      case UInt8(ascii: "m"): value <<= 20
      case UInt8(ascii: "g"): value = Swift.min(value, 1 << 30) << 30
      default: break
      }
    }
    return text.first == 0x2d ? -value : value
  }
}

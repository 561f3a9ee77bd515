/// What a program finds on its stack: argc, argv, envp and the auxiliary vector, then the strings
/// they point to.
///
/// System V ABI, AMD64 Architecture Processor Supplement, "Initial Stack and Register State".
package struct InitialStack {
  /// The kinds of words in the auxiliary vector.
  package enum Auxiliary: UInt64 {
    case end = 0
    case programHeaders = 3
    case programHeaderSize = 4
    case programHeaderCount = 5
    case pageSize = 6
    case entry = 9
    case userID = 11
    case groupID = 13
    case clockTicks = 17
    case random = 25
    case fileName = 31
  }

  /// Where argc lies: a multiple of 16.
  package let stackPointer: UInt64
  /// Everything from there to the top.
  package let bytes: [UInt8]
  /// Where the arguments' strings lie, for /proc/PID/cmdline.
  package let argumentStrings: Range<UInt64>

  package init(
    top: UInt64, arguments: [[UInt8]], environment: [[UInt8]], fileName: [UInt8],
    random: (UInt64, UInt64), auxiliary: [(Auxiliary, UInt64)]
  ) {
    var strings: [UInt8] = []
    var offsets: [Int] = []
    var argumentsEnd = 0
    for (index, text) in (arguments + environment + [fileName]).enumerated() {
      offsets.append(strings.count)
      strings += text
      strings.append(0)
      if index == arguments.count - 1 { argumentsEnd = strings.count }
    }
    let stringsAt = (top - UInt64(strings.count)) & ~15
    let randomAt = stringsAt - 16
    var words: [UInt64] = [UInt64(arguments.count)]
    for index in arguments.indices { words.append(stringsAt + UInt64(offsets[index])) }
    words.append(0)
    for index in environment.indices {
      words.append(stringsAt + UInt64(offsets[arguments.count + index]))
    }
    words.append(0)
    for (kind, value) in auxiliary { words += [kind.rawValue, value] }
    words += [Auxiliary.random.rawValue, randomAt]
    words += [Auxiliary.fileName.rawValue, stringsAt + UInt64(offsets[offsets.count - 1])]
    words += [Auxiliary.end.rawValue, 0]
    stackPointer = (randomAt - UInt64(words.count * 8)) & ~15
    var image = [UInt8](repeating: 0, count: Int(top - stackPointer))
    func put(_ word: UInt64, _ at: Int) {
      for index in 0..<8 {
        image[at + index] = UInt8(truncatingIfNeeded: word >> UInt64(index * 8))
      }
    }
    for (index, word) in words.enumerated() { put(word, index * 8) }
    put(random.0, Int(randomAt - stackPointer))
    put(random.1, Int(randomAt - stackPointer) + 8)
    let base = Int(stringsAt - stackPointer)
    for (index, byte) in strings.enumerated() { image[base + index] = byte }
    bytes = image
    argumentStrings = stringsAt..<stringsAt + UInt64(argumentsEnd)
  }
}

/// The first line of a script: `#!INTERPRETER [ARGUMENT]`.
package struct ScriptLine {
  package let interpreter: [UInt8]
  /// All that follows, as one word, as POSIX systems have it.
  package let argument: [UInt8]?

  /// Nil when the file does not begin with such a line.
  package init?(_ start: [UInt8]) {
    guard start.count > 2, start[0] == 0x23, start[1] == 0x21 else { return nil }
    let line = start[2...].prefix { $0 != 0x0a }
    let trimmed = ScriptLine.trim(line)
    let name = trimmed.prefix { $0 != 0x20 && $0 != 0x09 }
    guard !name.isEmpty else { return nil }
    interpreter = Array(name)
    let rest = ScriptLine.trim(trimmed.dropFirst(name.count))
    argument = rest.isEmpty ? nil : Array(rest)
  }

  private static func trim(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var line = line.drop { $0 == 0x20 || $0 == 0x09 }
    while let last = line.last, last == 0x20 || last == 0x09 || last == 0x0d { line.removeLast() }
    return line
  }
}

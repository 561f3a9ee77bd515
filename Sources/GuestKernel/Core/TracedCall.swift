/// A system call as `strace` prints it: `open("/etc/motd", O_RDONLY) = 3`.
///
/// What the call reads is decoded before it is made, since it may change that; what it stores, afterwards. A letter
/// for each argument says how; the table of calls is where the letters come from.
package struct TracedCall {
  /// Reads the program's memory: up to that many bytes, or nil when they cannot be read.
  package typealias Fetch = (UInt64, Int) -> [UInt8]?

  private let name: StaticString
  private let letters: [UInt8]
  private let arguments: [UInt64]
  /// The arguments in words; empty for what is known later.
  private var pieces: [[UInt8]] = []

  package init(
    name: StaticString, letters: StaticString, arguments: [UInt64], fetch: Fetch
  ) {
    self.name = name
    self.letters = letters.withUTF8Buffer { Array($0) }
    self.arguments = arguments
    for (index, letter) in self.letters.enumerated() {
      var text = SystemCallText()
      if !TracedCall.isOutput(letter) { decode(index, letter, into: &text, fetch) }
      pieces.append(text.bytes)
    }
  }

  /// Letters of what the call stores are capitals.
  private static func isOutput(_ letter: UInt8) -> Bool { (0x41...0x5a).contains(letter) }

  /// The line of a call that has come back.
  package func line(result: UInt64, isAddress: Bool, _ fetch: Fetch) -> SystemCallText {
    let isError = result > UInt64.max - 4096
    var text = head { index, letter, text in
      if isError || arguments[index] == 0 {
        text.append(address: arguments[index])
      } else {
        TracedCall.store(letter, arguments[index], result, into: &text, fetch)
      }
    }
    text.append(result: result, isAddress: isAddress)
    return text
  }

  /// The line of a call that will not come back.
  package func lineWithoutResult() -> SystemCallText {
    var text = head { index, _, text in text.append(address: arguments[index]) }
    text.append(" = ?")
    return text
  }

  private func head(_ output: (Int, UInt8, inout SystemCallText) -> Void) -> SystemCallText {
    var text = SystemCallText()
    text.append(name)
    text.append("(")
    for (index, letter) in letters.enumerated() {
      if isUnused(index) { break }
      if index > 0 { text.append(", ") }
      if TracedCall.isOutput(letter) {
        output(index, letter, &text)
      } else {
        text.append(bytes: pieces[index])
      }
    }
    text.append(")")
    return text
  }

  /// The mode of `open`, unless a file is to be made.
  private func isUnused(_ index: Int) -> Bool {
    guard index > 0, letters[index] == 0x6f, letters[index - 1] == 0x66 else { return false }
    return arguments[index - 1] & UInt64(OpenFlags.create.rawValue) == 0
  }
}

// MARK: What a call reads

extension TracedCall {
  private func decode(
    _ index: Int, _ letter: UInt8, into text: inout SystemCallText, _ fetch: Fetch
  ) {
    let value = arguments[index]
    if let names = FlagNames.of(letter) { return text.append(names, value) }
    switch letter {
    case 0x64: text.append(signed: Int64(Int32(truncatingIfNeeded: value)))  // d
    case 0x6c: text.append(signed: Int64(bitPattern: value))  // l
    case 0x75: text.append(decimal: value)  // u
    case 0x6f: text.append(octal: value)  // o
    case 0x78: text.append(hexadecimal: value)  // x
    case 0x67: text.append(signal: Int32(truncatingIfNeeded: value))  // g
    case 0x73: text.append(string: value, fetch)  // s
    case 0x62:  // b: as many bytes as the next argument says
      let isCounted = index + 1 < letters.count && letters[index + 1] == 0x75
      if isCounted { text.append(buffer: value, arguments[index + 1], fetch) }
      if !isCounted { text.append(address: value) }
    case 0x76: text.append(strings: value, fetch)  // v
    case 0x65: text.append(countOf: value, fetch)  // e
    case 0x40:  // @
      let number = Int32(truncatingIfNeeded: value)
      if number == AtFlags.workingDirectory { return text.append("AT_FDCWD") }
      text.append(signed: Int64(number))
    default: text.append(record: letter, value, fetch)
    }
  }
}

// MARK: What a call stores

extension TracedCall {
  private static func store(
    _ letter: UInt8, _ address: UInt64, _ result: UInt64, into text: inout SystemCallText,
    _ fetch: Fetch
  ) {
    switch letter {
    case 0x42: text.append(buffer: address, result, fetch)  // B
    case 0x50: text.append(pair: address, fetch)  // P
    case 0x57:  // W
      guard result != 0, let word = fetch(address, 4)?.word(0, 4),
        let status = ExitStatus(word: UInt32(word))
      else { return text.append(address: address) }
      text.append(status)
    case 0x53: text.append(fileStatus: address, fetch)  // S
    default: text.append(record: letter | 0x20, address, fetch)
    }
  }
}

extension [UInt8] {
  /// A number of `size` bytes at an offset; nil when there are not so many.
  func word(_ offset: Int, _ size: Int) -> UInt64? {
    guard offset + size <= count else { return nil }
    var value: UInt64 = 0
    for index in 0..<size { value |= UInt64(self[offset + index]) << UInt64(8 * index) }
    return value
  }
}

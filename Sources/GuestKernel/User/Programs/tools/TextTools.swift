/// Programs that read lines and write lines.
import Apus

let textTools: [Tool] = [
  Tool(name: "cat", usage: "cat [FILE...]", summary: "prints files") { arguments in
    forEachInput(Options(arguments, known: "").operands) { input, _ in
      while true {
        let part = input.part()
        if part.isEmpty { return }
        say(bytes: part)
      }
    }
  },
  Tool(name: "wc", usage: "wc [-lwc] [FILE...]", summary: "counts lines, words, bytes", run: wc),
  Grep.tool, Sort.tool, Sed.tool, Compare.tools[0], Compare.tools[1],
  Tool(name: "uniq", usage: "uniq [-c] [FILE]", summary: "without repeated lines", run: uniq),
  Tool(name: "tee", usage: "tee [-a] FILE...", summary: "copies its input to files too", run: tee),
  Tool(
    name: "hexdump", usage: "hexdump [-n BYTES] [FILE...]", summary: "bytes in hexadecimal",
    run: hexdump),
  Tool(name: "tac", usage: "tac [FILE...]", summary: "lines in reverse") { arguments in
    var lines: [[UInt8]] = []
    let code = forEachInput(Options(arguments, known: "").operands) { input, _ in
      while let line = input.line() { lines.append(line) }
    }
    for line in lines.reversed() { say(bytes: line + [0x0a]) }
    return code
  },
]

private func wc(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(arguments, known: "lwc")
  let all = !options.has("l") && !options.has("w") && !options.has("c")
  var total = (lines: 0, words: 0, bytes: 0)

  func report(_ count: (lines: Int, words: Int, bytes: Int), _ name: [UInt8]) {
    var line = TextLine()
    if all || options.has("l") { line.append(decimal: UInt64(count.lines), width: 7) }
    if all || options.has("w") { line.append(decimal: UInt64(count.words), width: 8) }
    if all || options.has("c") { line.append(decimal: UInt64(count.bytes), width: 8) }
    say("\(line)\(name.equals("-") ? "" as StaticString : " ")")
    say(bytes: name.equals("-") ? [0x0a] : name + [0x0a])
  }

  let code = forEachInput(options.operands) { input, name in
    var count = (lines: 0, words: 0, bytes: 0)
    var isInWord = false
    while true {
      let part = input.part()
      if part.isEmpty { break }
      count.bytes += part.count
      for byte in part {
        if byte == 0x0a { count.lines += 1 }
        if !byte.isBlank, !isInWord { count.words += 1 }
        isInWord = !byte.isBlank
      }
    }
    report(count, name)
    total = (total.lines + count.lines, total.words + count.words, total.bytes + count.bytes)
  }
  if options.operands.count > 1 { report(total, [UInt8](text: "total")) }
  return code
}

private func uniq(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(arguments, known: "c")
  var last: [UInt8]?
  var count = 0

  func finish() {
    guard let last else { return }
    if options.has("c") { say("\(count, width: 7) ") }
    say(bytes: last + [0x0a])
  }

  let code = forEachInput(options.operands) { input, _ in
    while let line = input.line() {
      if line != last {
        finish()
        last = line
        count = 0
      }
      count += 1
    }
  }
  finish()
  return code
}

private func tee(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(arguments, known: "a")
  var files: [(name: [UInt8], file: Descriptor)] = []
  let flags: OpenFlags = options.has("a") ? .append : .truncate
  var code = forEachOperand(options.operands) { (name) throws(SystemError) in
    files.append((name, try Descriptor.open(name, [.writeOnly, .create, flags])))
  }
  let read = forEachInput([]) { input, _ in
    while true {
      let part = input.part()
      if part.isEmpty { return }
      say(bytes: part)
      // A file that cannot be written to is given up, the others go on.
      files.removeAll { name, file in
        guard let error = part.withUnsafeBytes({ file.write(all: $0) }) else { return false }
        complain("\(text: name): \(error.name)")
        code = 1
        return true
      }
    }
  }
  return code | read
}

private func hexdump(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(arguments, known: "n:")
  var left = options.number("n") ?? Int.max
  var offset = 0
  var row: [UInt8] = []

  func printRow() {
    var line = TextLine()
    line.append(hex: UInt64(offset), digits: 8)
    line.append(" ")
    for index in 0..<16 {
      line.append(index == 8 ? "  " : " ")
      if index < row.count { line.append(hexByte: row[index]) } else { line.append("  ") }
    }
    line.append("  |")
    for byte in row { line.append(byte: byte >= 0x20 && byte < 0x7f ? byte : 0x2e) }
    say("\(line)|\n")
    offset += row.count
    row = []
  }

  return forEachInput(options.operands) { input, _ in
    while left > 0 {
      let part = input.part()
      if part.isEmpty { break }
      for byte in part.prefix(left) {
        row.append(byte)
        if row.count == 16 { printRow() }
      }
      left -= min(left, part.count)
    }
    if !row.isEmpty { printRow() }
  }
}

extension TextLine {
  mutating func append(hexByte byte: UInt8) {
    for digit in [byte >> 4, byte & 15] { append(byte: digit < 10 ? 0x30 + digit : 0x57 + digit) }
  }
}

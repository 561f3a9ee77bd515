/// Programs that let a part of their input through: its beginning or its end, columns, characters.
import Apus

let selectionTools: [Tool] = [
  Tool(
    name: "head", usage: "head [-n COUNT | -c BYTES | -COUNT] [FILE...]",
    summary: "the first lines", run: head),
  Tool(
    name: "tail", usage: "tail [-f] [-n [+]COUNT | -c [+]BYTES | -COUNT] [FILE...]",
    summary: "the last lines", run: tail),
  Tool(
    name: "cut", usage: "cut -f LIST [-d C] | -c LIST [FILE...]",
    summary: "some fields or bytes of each line", run: cut),
  Tool(
    name: "tr", usage: "tr [-cds] SET [SET]", summary: "replaces or deletes characters",
    run: Translation.run),
]

/// `-5` for `-n 5`, as everybody types it.
private func withCount(_ arguments: [[UInt8]]) -> [[UInt8]] {
  guard arguments.count > 1, arguments[1].first == 0x2d,
    Array(arguments[1].dropFirst()).decimal != nil
  else { return arguments }
  var arguments = arguments
  arguments[1] = [0x2d, UInt8(ascii: "n")] + arguments[1].dropFirst()
  return arguments
}

/// The number of an option; what is none ends the program.
private func count(_ text: [UInt8]?) -> UInt64? {
  guard let text else { return nil }
  guard let number = ByteCount.parse(text) else { Usage.refuse("\(text: text): not a number") }
  return number
}

private func head(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(withCount(arguments), known: "n:c:")
  let bytes = count(options.value("c"))
  let lines = count(options.value("n")) ?? 10
  return forEachInput(options.operands) { input, _ in
    if let bytes {
      var left = bytes
      while left > 0 {
        let part = input.part(limit: Int(min(left, 4096)))
        if part.isEmpty { return }
        say(bytes: part)
        left -= UInt64(part.count)
      }
      return
    }
    var number: UInt64 = 0
    while number < lines, let line = input.line() {
      say(bytes: line + [0x0a])
      number += 1
    }
  }
}

private func tail(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(withCount(arguments), known: "fn:c:")
  let countsBytes = options.has("c")
  let text = options.value("c") ?? options.value("n") ?? [UInt8](text: "10")
  let isFromStart = text.first == 0x2b
  let sign = isFromStart || text.first == 0x2d ? 1 : 0
  let number = Int(
    truncatingIfNeeded: count(Array(text.dropFirst(sign))).map { min($0, 1 << 40) } ?? 0)
  let code = forEachInput(options.operands) { input, name in
    if options.operands.count > 1 {
      say(bytes: [UInt8](text: "==> ") + name + [UInt8](text: " <==\n"))
    }
    if isFromStart {
      var skip = max(0, number - 1)
      while skip > 0 {
        let gone = countsBytes ? input.part(limit: skip).count : input.line() == nil ? 0 : 1
        if gone == 0 { return }
        skip -= gone
      }
      while true {
        let part = input.part()
        if part.isEmpty { return }
        say(bytes: part)
      }
    } else if countsBytes {
      var kept: [UInt8] = []
      while true {
        let part = input.part()
        if part.isEmpty { break }
        kept += part
        if kept.count > 2 * number + 4096 { kept.removeFirst(kept.count - number) }
      }
      say(bytes: Array(kept.suffix(number)))
    } else {
      var lines: [[UInt8]] = []
      while let line = input.line() {
        lines.append(line)
        if lines.count > 2 * number + 64 { lines.removeFirst(lines.count - number) }
      }
      for line in lines.suffix(number) { say(bytes: line + [0x0a]) }
    }
  }
  guard options.has("f") else { return code }
  follow(options.operands)
}

/// -f: what is written behind the end meanwhile; until somebody ends it.
private func follow(_ names: [[UInt8]]) -> Never {
  var places = names.map { (name: $0, end: (try? FileTree.status(of: $0).size) ?? 0) }
  while true {
    Output.flush()
    Time.sleep(nanoseconds: 200_000_000)
    for index in places.indices {
      let size = (try? FileTree.status(of: places[index].name).size) ?? 0
      // A file that has become shorter begins anew.
      if size < places[index].end { places[index].end = 0 }
      guard size > places[index].end, let file = try? Descriptor.open(places[index].name),
        (try? file.seek(Int64(places[index].end), from: .start)) != nil
      else { continue }
      while let part = try? file.read(limit: 4096), !part.isEmpty {
        say(bytes: part)
        places[index].end += UInt64(part.count)
      }
      try? file.close()
    }
  }
}

// MARK: cut

/// `1,3-5,7-`: which fields or bytes, the first being 1.
private struct Selection {
  private var ranges: [ClosedRange<UInt64>] = []

  init?(_ text: [UInt8]) {
    for part in text.split(separator: 0x2c) {
      let ends = part.split(separator: 0x2d, omittingEmptySubsequences: false).map { Array($0) }
      guard ends.count <= 2, part.count > 0 else { return nil }
      let low = ends[0].isEmpty && ends.count == 2 ? 1 : ends[0].decimal
      let high = ends.count == 1 ? low : ends[1].isEmpty ? UInt64.max : ends[1].decimal
      guard let low, let high, low > 0, low <= high else { return nil }
      ranges.append(low...high)
    }
    if ranges.isEmpty { return nil }
  }

  func has(_ number: Int) -> Bool {
    for range in ranges where range.contains(UInt64(number)) { return true }
    return false
  }
}

private func cut(_ arguments: [[UInt8]]) -> Int32 {
  let usage: StaticString = "cut -f LIST [-d C] | -c LIST [FILE...]"
  let options = Options(arguments, known: "f:d:c:b:")
  let bytes = options.value("c") ?? options.value("b")
  guard let selection = Selection(bytes ?? options.value("f") ?? []) else {
    fail("usage: \(usage)", code: 2)
  }
  let separator = options.value("d")?.first ?? 0x09
  return forEachInput(options.operands) { input, _ in
    while let line = input.line() {
      if bytes != nil {
        var chosen: [UInt8] = []
        for (index, byte) in line.enumerated() where selection.has(index + 1) {
          chosen.append(byte)
        }
        say(bytes: chosen + [0x0a])
      } else if !line.contains(separator) {
        say(bytes: line + [0x0a])
      } else {
        var parts: [[UInt8]] = []
        for (index, part) in line.split(separator: separator, omittingEmptySubsequences: false)
          .enumerated() where selection.has(index + 1)
        {
          parts.append(Array(part))
        }
        say(bytes: Array(parts.joined(separator: [separator])) + [0x0a])
      }
    }
  }
}

// MARK: tr

/// `tr`: characters of one set become those of another, or go.
enum Translation {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    let usage: StaticString = "tr [-cds] SET [SET]"
    let options = Options(arguments, known: "cds")
    let operands = options.operands
    let (deletes, squeezes) = (options.has("d"), options.has("s"))
    let most = deletes && !squeezes ? 1 : 2
    let least = deletes != squeezes ? 1 : 2
    guard operands.count >= least, operands.count <= most else { fail("usage: \(usage)", code: 2) }
    var from = expand(operands[0])
    if options.has("c") {
      let chosen = from
      from = []
      for byte in 0...255 as ClosedRange<UInt8> where !chosen.contains(byte) { from.append(byte) }
    }
    let to = operands.count > 1 ? expand(operands[1]) : []
    guard operands.count < 2 || !to.isEmpty else { fail("the second set is empty", code: 2) }

    var table: [UInt8] = []
    for byte in 0...255 as ClosedRange<UInt8> { table.append(byte) }
    if !deletes, !to.isEmpty {
      // The last character stands for all that have no partner.
      for (index, byte) in from.enumerated() { table[Int(byte)] = to[min(index, to.count - 1)] }
    }
    let squeezed = operands.count > 1 ? to : from
    var last: UInt8?
    return forEachInput([]) { input, _ in
      while true {
        let part = input.part()
        if part.isEmpty { return }
        var result: [UInt8] = []
        for byte in part {
          if deletes, from.contains(byte) { continue }
          let new = table[Int(byte)]
          if squeezes, new == last, squeezed.contains(new) { continue }
          last = new
          result.append(new)
        }
        say(bytes: result)
      }
    }
  }

  /// Ranges, `\n` and its like, and classes such as `[:upper:]`, written out.
  private static func expand(_ text: [UInt8]) -> [UInt8] {
    var set: [UInt8] = []
    var rest = text[...]
    while let first = rest.first {
      if let (name, length) = characterClass(rest) {
        set += name
        rest = rest.dropFirst(length)
        continue
      }
      let low = character(&rest, first)
      if rest.first == 0x2d, let end = rest.dropFirst().first {
        rest = rest.dropFirst()
        let high = character(&rest, end)
        guard low <= high else { fail("a range ends before it begins", code: 2) }
        set += low...high
      } else {
        set.append(low)
      }
    }
    return set
  }

  private static func character(_ rest: inout ArraySlice<UInt8>, _ first: UInt8) -> UInt8 {
    rest = rest.dropFirst()
    guard first == 0x5c, let letter = rest.first else { return first }
    rest = rest.dropFirst()
    switch letter {
    case UInt8(ascii: "n"): return 0x0a
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "r"): return 0x0d
    case UInt8(ascii: "0"): return 0
    default: return letter
    }
  }

  private static func characterClass(
    _ rest: ArraySlice<UInt8>
  ) -> (members: [UInt8], length: Int)? {
    let upper = Array(0x41...0x5a as ClosedRange<UInt8>)
    let lower = Array(0x61...0x7a as ClosedRange<UInt8>)
    let digits = Array(0x30...0x39 as ClosedRange<UInt8>)
    let classes: [(StaticString, [UInt8])] = [
      ("[:upper:]", upper), ("[:lower:]", lower), ("[:digit:]", digits),
      ("[:alpha:]", upper + lower), ("[:alnum:]", digits + upper + lower),
      ("[:space:]", Array(0x09...0x0d as ClosedRange<UInt8>) + [0x20]),
    ]
    for (name, members) in classes {
      let text = [UInt8](text: name)
      if rest.starts(with: text) { return (members, text.count) }
    }
    return nil
  }
}

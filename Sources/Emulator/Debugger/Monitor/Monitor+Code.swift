import Emulator

extension Monitor {
  private static let listed = 10
  private static let disassembled: UInt64 = 12

  /// Instructions from a place on, with the functions and lines that they belong to.
  func disassemble(_ text: String) throws(MonitorError) -> String {
    var address = instructionPointer
    var count = Self.disassembled
    if !text.isEmpty {
      let (expression, rest) = try ExpressionParser.parsePrefix(text, symbols)
      address = try expression.value(machine, processor)
      if !rest.isEmpty { count = min(try value(rest), 10_000) }
    }
    var lines: [String] = []
    var lastName: String?
    var lastLine: String?
    for _ in 0..<count {
      if let (symbol, offset) = symbols.table.symbol(at: address),
        offset == 0 || lastName == nil, symbol.displayName != lastName
      {
        lines.append("\(symbol.displayName)\(offset == 0 ? "" : "+\(offset.hex)"):")
        lastName = symbol.displayName
      }
      if let place = symbols.places(at: address).first?.fileAndLine, place != lastLine {
        lines.append("  ; \(place)")
        lastLine = place
      }
      let mark = address == instructionPointer ? "> " : "  "
      guard let line = instruction(at: address) else {
        guard let byte = memory.readable(address, count: 1).first else {
          lines.append("\(mark)\(address.hex)  cannot be read")
          break
        }
        lines.append("\(mark)\(address.hex)  db \(UInt64(byte).hex)")
        address &+= 1
        continue
      }
      lines.append("\(mark)\(address.hex)  \(line.text)\(target(line))")
      address &+= UInt64(line.length)
    }
    continuation.disassembled = address
    return lines.joined(separator: "\n")
  }

  /// The name of what a call or jump goes to.
  private func target(_ line: Disassembler.Line) -> String {
    guard line.text.hasPrefix("call") || line.text.hasPrefix("j"),
      let last = line.text.split(separator: " ").last, last.hasPrefix("0x"),
      let address = UInt64(last.dropFirst(2), radix: 16), let name = symbols.name(address)
    else { return "" }
    return "  <\(name)>"
  }

  /// Lines of source around a place.
  func list(_ text: String) throws(MonitorError) -> String {
    var place: (path: String, line: Int)?
    if text.isEmpty, let next = continuation.listed {
      place = next
    } else if let colon = text.lastIndex(of: ":"),
      let line = Int(text[text.index(after: colon)...]),
      let path = path(named: String(text[..<colon]))
    {
      place = (path, max(1, line - Self.listed / 2))
    } else {
      let found = text.isEmpty ? [instructionPointer] : try addresses(text).0
      if let first = found.lazy.compactMap({ self.symbols.places(at: $0).first }).first,
        let path = first.path
      {
        place = (path, max(1, first.line - Self.listed / 2))
      }
    }
    guard let place else {
      guard symbols.debugFile?.hasLines == true else {
        throw MonitorError("the program has no line tables (see --symbols)")
      }
      throw MonitorError("no source line is known for that place")
    }
    guard let lines = SourceText.lines(of: place.path) else {
      throw MonitorError("\(place.path) cannot be read here")
    }
    guard place.line <= lines.count else {
      continuation.listed = nil
      throw MonitorError("\(place.path) has \(lines.count) lines")
    }
    let current = symbols.places(at: instructionPointer).first
    let end = min(lines.count, place.line + Self.listed - 1)
    continuation.listed = (place.path, end + 1)
    lastLine = "list"
    return (place.line...end).map { number in
      let mark = current?.path == place.path && current?.line == number ? ">" : " "
      return "\(mark)\(number)\t\(lines[number - 1])"
    }.joined(separator: "\n")
  }

  private func path(named name: String) -> String? {
    symbols.debugFile?.sourceFiles.first { SourcePlace.names(name, path: $0) }
  }

  /// What is known of an address or a name.
  func symbol(_ text: String) throws(MonitorError) -> String {
    let named = symbols.table.symbols(named: text)
    if !named.isEmpty {
      return named.map { symbol in
        "\(describe(symbol.address)), \(symbol.size) bytes"
          + (symbol.name == symbol.displayName ? "" : "\n  \(symbol.name)")
      }.joined(separator: "\n")
    }
    let address = try value(text)
    var lines = [describe(address)]
    for place in symbols.places(at: address) {
      lines.append(
        "  \(place.isInlined ? "inlined " : "")\(place.function ?? "?")"
          + (place.path.map { " at \($0):\(place.line)" } ?? ""))
    }
    return lines.joined(separator: "\n")
  }
}

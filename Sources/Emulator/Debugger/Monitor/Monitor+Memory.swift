import Emulator

extension Monitor {
  private func bytes(_ address: UInt64, _ count: Int, isPhysical: Bool) -> [UInt8] {
    guard isPhysical else { return memory.readable(address, count: count) }
    if let all = machine.memory.read(PhysicalAddress(address), count: count) { return all }
    var bytes: [UInt8] = []
    while bytes.count < count,
      let next = machine.memory.read(PhysicalAddress(address &+ UInt64(bytes.count)), count: 1)
    {
      bytes += next
    }
    return bytes
  }

  /// Shows memory in a format.
  func examine(_ text: String, isPhysical: Bool) throws(MonitorError) -> String {
    var format = try MemoryFormat("")
    var rest = text
    if rest.hasPrefix("/") {
      let (word, behind) = rest.splitAtSpace
      format = try MemoryFormat(String(word.dropFirst()))
      rest = behind
    }
    var address = rest.isEmpty ? instructionPointer : try value(rest)
    defer { continuation.examined = address }
    if format.letter == "i" {
      return try disassemble("\(address.hex) \(format.count)").also {
        address = continuation.disassembled ?? address
      }
    }
    var lines: [String] = []
    if format.letter == "s" {
      for _ in 0..<format.count {
        let bytes = bytes(address, 256, isPhysical: isPhysical)
        guard !bytes.isEmpty else {
          lines.append("\(address.hex): cannot be read")
          break
        }
        let string = bytes.prefix { $0 != 0 }
        lines.append("\(address.hex): \"\(String(decoding: string, as: UTF8.self).escaped)\"")
        address &+= UInt64(string.count) + 1
      }
      return lines.joined(separator: "\n")
    }
    var left = format.count
    while left > 0 {
      let columns = min(left, format.columns)
      let bytes = bytes(address, columns * format.size, isPhysical: isPhysical)
      let values = stride(from: 0, to: bytes.count - format.size + 1, by: format.size).map {
        start in
        bytes[start..<start + format.size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      }
      let name = isPhysical ? "" : symbols.name(address).map { " <\($0)>" } ?? ""
      let shown = values.map { format.text($0, symbols) }.joined(separator: "  ")
      lines.append("\(address.hex)\(name): " + (values.isEmpty ? "cannot be read" : shown))
      address &+= UInt64(values.count * format.size)
      guard values.count == columns else { break }
      left -= columns
    }
    return lines.joined(separator: "\n")
  }

  /// Searches memory.
  func find(_ text: String) throws(MonitorError) -> String {
    let (first, behind) = text.splitAtSpace
    let (second, pattern) = behind.splitAtSpace
    let start = try value(first)
    let length = min(try value(second), 1 << 30)
    let wanted: [UInt8]
    if pattern.hasPrefix("\"") {
      wanted = Array(pattern.dropFirst().prefix { $0 != "\"" }.utf8)
    } else {
      let (number, sizeText) = pattern.splitAt(":")
      let size = try sizeText.map { text throws(MonitorError) in try self.value(text) } ?? 8
      guard (1...8).contains(size) else { throw MonitorError("a number has 1 to 8 bytes") }
      let value = try self.value(number)
      wanted = (0..<size).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    guard !wanted.isEmpty else { throw MonitorError("what is to be found?") }
    var found: [String] = []
    var at: UInt64 = 0
    while at < length, found.count < 32 {
      let piece = memory.readable(start &+ at, count: 4096 + wanted.count - 1)
      for offset in 0..<max(0, min(piece.count - wanted.count + 1, 4096))
      where piece[offset] == wanted[0]
        && piece[offset..<offset + wanted.count].elementsEqual(wanted)
      {
        guard at + UInt64(offset) < length, found.count < 32 else { break }
        found.append(describe(start &+ at &+ UInt64(offset)))
      }
      at += 4096
    }
    return found.isEmpty ? "nothing found" : found.joined(separator: "\n")
  }

  /// Changes a register or memory.
  func set(_ text: String) throws(MonitorError) -> String {
    let (target, valueText) = text.splitAt("=")
    guard let valueText else { throw MonitorError("set needs a target, `=` and a value") }
    let value = try value(valueText)
    let number = processorNumber
    let expression = try ExpressionParser.parse(target, symbols)
    switch expression {
    case .register(let name):
      guard let register = Register.allCases.first(where: { "\($0)" == name.name }) else {
        guard name.name == "rip" else {
          throw MonitorError("the general registers and rip can be changed, not \(name.name)")
        }
        debuggee.modify { machine in
          machine.processors[number].cpu.state.pointee.rip = value
          machine.processors[number].cpu.state.pointee.nextRIP = value
        }
        return ""
      }
      debuggee.modify { $0.processors[number].cpu[register] = value }
    case .load(let address, let size, let isPhysical):
      let linear = try address.value(machine, processor)
      guard let physical = isPhysical ? linear : memory.physical(linear),
        linear & 4095 <= 4096 - UInt64(size)
      else { throw MonitorError("nothing is mapped at \(linear.hex), or it crosses a page") }
      let bytes = (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
      guard machine.memory.contains(PhysicalAddress(physical), count: size) else {
        throw MonitorError("there is no RAM at physical \(physical.hex)")
      }
      debuggee.modify { machine in
        _ = bytes.withUnsafeBytes { machine.memory.write(PhysicalAddress(physical), $0) }
      }
    default: throw MonitorError("a register ($rax) or memory ([ADDRESS:SIZE]) can be set")
    }
    return ""
  }
}

extension String {
  /// The text, after doing something.
  fileprivate func also(_ body: () -> Void) -> String {
    body()
    return self
  }

  /// With control characters made visible.
  fileprivate var escaped: String {
    unicodeScalars.map { scalar in
      switch scalar {
      case "\n": "\\n"
      case "\t": "\\t"
      case "\r": "\\r"
      case "\"": "\\\""
      default:
        scalar.value < 32 || scalar.value == 127
          ? "\\x\(UInt64(scalar.value).hex(digits: 2))" : String(scalar)
      }
    }.joined()
  }
}

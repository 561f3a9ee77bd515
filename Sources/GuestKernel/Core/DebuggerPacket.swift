/// GDB's remote serial protocol, as far as bytes go: `$payload#checksum`, numbers in hexadecimal,
/// registers and memory as pairs of digits with the least significant byte first.
///
/// Debugging with GDB, "Overview" of the Remote Serial Protocol.
package struct DebuggerPacket {
  /// Collects a packet byte by byte.
  package struct Reader {
    private enum State {
      case idle
      case payload
      case checksum(UInt8?)
    }

    package enum Event: Equatable {
      case nothing
      /// Ctrl-C: the user wants the machine to stop.
      case interrupt
      case packet([UInt8])
      /// The checksum did not fit: the sender should try again.
      case damaged
    }

    package static let longest = 1200
    private var state = State.idle
    private var bytes: [UInt8] = []
    private var sum: UInt8 = 0

    package init() { bytes.reserveCapacity(Self.longest) }

    package mutating func take(_ byte: UInt8) -> Event {
      switch state {
      case .idle:
        if byte == 0x03 { return .interrupt }
        if byte == 0x24 { begin() }
      case .payload:
        if byte == 0x24 {
          begin()
        } else if byte == 0x23 {
          state = .checksum(nil)
        } else {
          sum &+= byte
          if bytes.count < Self.longest { bytes.append(byte) }
        }
      case .checksum(nil):
        state = .checksum(DebuggerPacket.value(ofDigit: byte) ?? 255)
      case .checksum(let high?):
        state = .idle
        let low = DebuggerPacket.value(ofDigit: byte) ?? 255
        return high << 4 | low == sum && high < 16 ? .packet(bytes) : .damaged
      }
      return .nothing
    }

    private mutating func begin() {
      bytes.removeAll(keepingCapacity: true)
      sum = 0
      state = .payload
    }
  }

  package private(set) var payload: [UInt8] = []

  package init() {}
  package init(_ text: StaticString) { append(text) }

  package mutating func append(_ text: StaticString) {
    text.withUTF8Buffer { payload.append(contentsOf: $0) }
  }

  package mutating func append(byte: UInt8) { payload.append(byte) }

  /// Two digits per byte.
  package mutating func append(hex byte: UInt8) {
    payload.append(Self.digit(byte >> 4))
    payload.append(Self.digit(byte & 15))
  }

  /// A register of that many bytes, the least significant first.
  package mutating func append(register value: UInt64, bytes: Int = 8) {
    for index in 0..<bytes { append(hex: UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
  }

  package mutating func append(number: UInt64) {
    var shift: UInt64 = 60
    while shift > 0, number >> shift == 0 { shift -= 4 }
    while true {
      payload.append(Self.digit(UInt8(number >> shift & 15)))
      if shift == 0 { return }
      shift -= 4
    }
  }

  /// What goes over the line.
  package var framed: [UInt8] {
    var sum: UInt8 = 0
    for byte in payload { sum &+= byte }
    return [0x24] + payload + [0x23, Self.digit(sum >> 4), Self.digit(sum & 15)]
  }

  package static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

  package static func value(ofDigit byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x61...0x66: byte - 0x57
    case 0x41...0x46: byte - 0x37
    default: nil
    }
  }

  /// Reads a number at `position`, which moves behind it.
  package static func number(_ text: [UInt8], _ position: inout Int) -> UInt64? {
    let start = position
    var value: UInt64 = 0
    while position < text.count, position - start < 16,
      let digit = self.value(ofDigit: text[position])
    {
      value = value << 4 | UInt64(digit)
      position += 1
    }
    return position > start ? value : nil
  }

  /// Reads pairs of digits from `position` to the end.
  package static func bytes(_ text: [UInt8], from position: Int) -> [UInt8]? {
    guard (text.count - position) % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for at in stride(from: position, to: text.count, by: 2) {
      guard let high = value(ofDigit: text[at]), let low = value(ofDigit: text[at + 1]) else {
        return nil
      }
      bytes.append(high << 4 | low)
    }
    return bytes
  }
}

/// The frames of the remote serial protocol: bytes to packets, and back.
///
/// Manual of GDB, "Remote Protocol", "Overview": `$packet#checksum`, acknowledged by `+` or `-`,
/// with `}` before bytes that a frame needs for itself.
package struct PacketStream {
  /// What a byte completed.
  package enum Event: Equatable {
    /// A packet, escapes undone.
    case packet([UInt8])
    /// A packet whose checksum is wrong, or that is too long.
    case damaged
    /// Ctrl-C.
    case interrupt
    /// The other side got the last packet.
    case acknowledged
    /// The other side wants the last packet again.
    case refused
  }

  private enum Place {
    case outside
    case inside
    case escaped
    case checksum
    case lastDigit(UInt8?)
  }

  /// The longest packet that is taken.
  package static let capacity = 0x1_0000

  /// Whether packets with a wrong checksum count; without acknowledgements nobody would repeat them.
  package var ignoresChecksums = false
  private var place = Place.outside
  private var packet: [UInt8] = []
  private var sum: UInt8 = 0
  private var isTooLong = false

  package init() {}

  /// Takes a byte from the other side.
  package mutating func receive(_ byte: UInt8) -> Event? {
    switch place {
    case .outside: return outside(byte)
    case .inside, .escaped: inside(byte)
    case .checksum: place = .lastDigit(HexDigits.value(byte))
    case .lastDigit(let high): return end(high, HexDigits.value(byte))
    }
    return nil
  }

  private mutating func outside(_ byte: UInt8) -> Event? {
    switch byte {
    case UInt8(ascii: "$"): begin()
    case 0x03: return .interrupt
    case UInt8(ascii: "+"): return .acknowledged
    case UInt8(ascii: "-"): return .refused
    default: break
    }
    return nil
  }

  private mutating func begin() {
    place = .inside
    packet.removeAll(keepingCapacity: true)
    sum = 0
    isTooLong = false
  }

  private mutating func inside(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "$"): return begin()
    case UInt8(ascii: "#"):
      place = .checksum
      return
    default: sum &+= byte
    }
    if case .escaped = place {
      place = .inside
      append(byte ^ 0x20)
    } else if byte == UInt8(ascii: "}") {
      place = .escaped
    } else {
      append(byte)
    }
  }

  private mutating func append(_ byte: UInt8) {
    if packet.count < Self.capacity { packet.append(byte) } else { isTooLong = true }
  }

  private mutating func end(_ high: UInt8?, _ low: UInt8?) -> Event {
    place = .outside
    guard !isTooLong else { return .damaged }
    if ignoresChecksums { return .packet(packet) }
    guard let high, let low, high << 4 | low == sum else { return .damaged }
    return .packet(packet)
  }

  /// The frame of a packet.
  package static func frame(_ packet: some Sequence<UInt8>) -> [UInt8] {
    var frame = [UInt8(ascii: "$")]
    var sum: UInt8 = 0
    for byte in packet {
      switch byte {
      case UInt8(ascii: "$"), UInt8(ascii: "#"), UInt8(ascii: "}"), UInt8(ascii: "*"):
        frame += [UInt8(ascii: "}"), byte ^ 0x20]
        sum &+= UInt8(ascii: "}") &+ (byte ^ 0x20)
      default:
        frame.append(byte)
        sum &+= byte
      }
    }
    return frame + [UInt8(ascii: "#")] + HexDigits.encode([sum])
  }
}

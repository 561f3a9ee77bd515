import Emulator

/// Memory.
extension GDBServer {
  /// The longest range that one check sums up.
  private static let longestCheck: UInt64 = 64 << 20

  /// Memory as the selected processor sees it.
  var memoryView: GuestMemoryView {
    GuestMemoryView(
      cpu: machine.processors[selectedProcessor].cpu, memory: machine.memory,
      isPhysical: accessesPhysicalMemory)
  }

  /// m: as much as can be read.
  func readMemory(_ reader: PacketReader) {
    var reader = reader
    guard let address = reader.number(), reader.take(","), let count = reader.count() else {
      return reply(.invalidArgument)
    }
    let bytes = memoryView.read(address, count: min(count, PacketStream.capacity / 2 - 8))
    if bytes.isEmpty && count > 0 { return reply(.badAddress) }
    reply(HexDigits.encode(bytes))
  }

  /// M and X.
  func writeMemory(_ reader: PacketReader, isBinary: Bool) {
    var reader = reader
    guard let address = reader.number(), reader.take(","), let count = reader.count(),
      reader.take(":")
    else { return reply(.invalidArgument) }
    let bytes = isBinary ? Array(reader.rest) : HexDigits.decode(reader.rest)
    guard let bytes, bytes.count == count else { return reply(.invalidArgument) }
    let view = memoryView
    guard view.isWritable(address, count: count), debuggee.edit({ _ in view.write(address, bytes) })
    else { return reply(.badAddress) }
    reply("OK")
  }

  /// qCRC, by which `compare-sections` finds out whether memory is what the file says.
  func checkMemory(_ reader: PacketReader) {
    var reader = reader
    guard let address = reader.number(), reader.take(","), let count = reader.number(),
      count <= Self.longestCheck
    else { return reply(.invalidArgument) }
    let view = memoryView
    var sum: UInt32 = .max
    var done: UInt64 = 0
    while done < count {
      let length = Int(min(count - done, 4096))
      let bytes = view.read(address &+ done, count: length)
      guard bytes.count == length else { return reply(.badAddress) }
      for byte in bytes {
        sum = sum << 8 ^ Self.crcTable[Int(UInt8(truncatingIfNeeded: sum >> 24) ^ byte)]
      }
      done += UInt64(length)
    }
    reply("C\(sum.packetText)")
  }

  /// CRC-32 with the highest bit first and nothing inverted at the end.
  private static let crcTable: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte) << 24) { sum, _ in
      sum >> 31 == 1 ? sum << 1 ^ 0x04C1_1DB7 : sum << 1
    }
  }
}

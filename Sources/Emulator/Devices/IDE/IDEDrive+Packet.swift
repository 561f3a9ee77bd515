/// Packet commands: what a CD in its drive answers.
///
/// ATA/ATAPI-6, "PACKET"; SCSI Multi-Media Commands 3 (MMC-3).
extension IDEDrive {
  private typealias Bytes = SCSINumber

  private static let packetSize = 12

  /// Bits of the sector count register of a packet device: the interrupt reason.
  private enum Reason {
    static let command: UInt16 = 1 << 0
    static let toHost: UInt16 = 1 << 1
  }

  /// PACKET: asks for the command.
  func startPacket() {
    registers.transfer.isDMA = false
    registers.phase = .packet
    registers.buffer = [UInt8](repeating: 0, count: Self.packetSize)
    registers.position = 0
    registers.end = Self.packetSize
    registers.registers.count = Reason.command
    registers.registers.status = Self.readyStatus | ATARegisters.Status.dataRequest
  }

  func runPacket() {
    let packet = registers.buffer
    let usesDMA = registers.registers.features & 1 != 0
    stop()
    // A changed medium is reported once, to whoever asks for the medium.
    let isInquiry = [0x03, 0x12, 0x46, 0x4A].contains(packet[0])
    if registers.sense == .mediumChanged, !isInquiry { return finishPacket(.mediumChanged) }
    if packet[0] != 0x03 { registers.sense = .none }
    registers.transfer.isDMA = usesDMA
    switch packet[0] {
    case 0x00, 0x1B, 0x1E, 0x2B, 0xBB: finishPacket(.none)
    case 0x03:
      reply(senseData, atMost: Int(packet[4]))
      registers.sense = .none
    case 0x12: reply(inquiry, atMost: Bytes.number(packet[3...4]))
    case 0x1A: reply(modeSense(packet, isLong: false), atMost: Int(packet[4]))
    case 0x25:
      reply(Bytes.bytes(UInt32(clamping: blockCount &- 1)) + Bytes.bytes(UInt32(2048)), atMost: 8)
    case 0x28: read(Bytes.number(packet[2...5]), count: Bytes.number(packet[7...8]))
    case 0xA8: read(Bytes.number(packet[2...5]), count: Bytes.number(packet[6...9]))
    case 0xBE: readWholeSectors(packet)
    case 0x42: reply([0, 0x15, 0, 0], atMost: Bytes.number(packet[7...8]))
    case 0x43: reply(tableOfContents(packet), atMost: Bytes.number(packet[7...8]))
    case 0x46: reply(configuration, atMost: Bytes.number(packet[7...8]))
    case 0x4A: reply(eventStatus(packet), atMost: Bytes.number(packet[7...8]))
    case 0x51: reply(discInformation, atMost: Bytes.number(packet[7...8]))
    case 0x5A: reply(modeSense(packet, isLong: true), atMost: Bytes.number(packet[7...8]))
    case 0xBD: reply([0, 0, 0, 0, 0, 1, 0, 0], atMost: Bytes.number(packet[8...9]))
    default: finishPacket(.illegalRequest)
    }
  }

  // MARK: Ends and data

  /// Ends a packet command.
  func finishPacket(_ sense: SCSISense) {
    stop()
    registers.registers.count = Reason.command | Reason.toHost
    if sense == .none {
      registers.registers.error = 0
      registers.registers.status = Self.readyStatus
    } else {
      registers.sense = sense
      registers.registers.error = sense.key << 4
      registers.registers.status = Self.readyStatus | ATARegisters.Status.error
    }
    interrupt()
  }

  private func reply(_ bytes: [UInt8]?, atMost limit: Int) {
    guard let bytes else { return finishPacket(.invalidField) }
    let content = Array(bytes.prefix(limit))
    guard !content.isEmpty else { return finishPacket(.none) }
    registers.buffer = content
    registers.position = 0
    startReply()
  }

  private func read(_ block: Int, count: Int) {
    guard UInt64(block) + UInt64(count) <= blockCount else { return finishPacket(.outOfRange) }
    guard count > 0 else { return finishPacket(.none) }
    registers.transfer.block = UInt64(block)
    registers.transfer.blocksLeft = count
    registers.transfer.blocksAtOnce = Self.chunkSize / blockSize
    guard fill(blocks: registers.transfer.blocksAtOnce) else {
      return finishPacket(.unrecoveredRead)
    }
    startReply()
  }

  /// READ CD, as far as it is about the 2048 bytes of user data.
  private func readWholeSectors(_ packet: [UInt8]) {
    switch packet[9] & 0xF8 {
    case 0x00: finishPacket(.none)
    case 0x10: read(Bytes.number(packet[2...5]), count: Bytes.number(packet[6...8]))
    default: finishPacket(.invalidField)
    }
  }

  /// Lets the host have what is in the buffer.
  private func startReply() {
    registers.phase = .dataIn
    registers.registers.count = Reason.toHost
    guard !registers.transfer.isDMA else {
      registers.registers.status = Self.readyStatus | ATARegisters.Status.dataRequest
      return
    }
    offerBytes()
  }

  /// The next bytes through the data register, as many as the host said it takes at once.
  private func offerBytes() {
    var limit = Int(registers.registers.middle & 0xFF | registers.registers.high << 8)
    if limit == 0 || limit == 0xFFFF { limit = 0xFFFE }
    let left = registers.buffer.count - registers.position
    // All but the last piece are even.
    let count = left <= limit ? left : limit & ~1
    registers.end = registers.position + max(count, 1)
    registers.end = min(registers.end, registers.buffer.count)
    let size = registers.end - registers.position
    registers.registers.middle = UInt16(size & 0xFF)
    registers.registers.high = UInt16(size >> 8 & 0xFF)
    registers.registers.count = Reason.toHost
    registers.registers.status = Self.readyStatus | ATARegisters.Status.dataRequest
    interrupt()
  }

  func packetBlockWasRead() {
    // An identification is not a packet's reply.
    if registers.registers.count & Reason.toHost == 0 {
      stop()
      registers.registers.status = Self.readyStatus
      return
    }
    if registers.position >= registers.buffer.count {
      guard registers.transfer.blocksLeft > 0 else { return finishPacket(.none) }
      guard fill(blocks: registers.transfer.blocksAtOnce) else {
        return finishPacket(.unrecoveredRead)
      }
    }
    offerBytes()
  }

  // MARK: Answers

  private var senseData: [UInt8] {
    let sense = registers.sense
    return [0x70, 0, sense.key, 0, 0, 0, 0, 10, 0, 0, 0, 0, sense.code, sense.qualifier]
      + [0, 0, 0, 0]
  }

  private var inquiry: [UInt8] {
    // A removable CD drive that answers as ATAPI does.
    [0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0]
      + Array("EMU     EMU CD-ROM      1.0 ".utf8)
  }

  private func modeSense(_ packet: [UInt8], isLong: Bool) -> [UInt8]? {
    // Saved values are asked for.
    guard packet[2] >> 6 != 3 else { return nil }
    let recovery: [UInt8] = [0x01, 6, 0, 5, 0, 0, 0, 0]
    // Reads CD-R and CD-RW; multisession, mode 2; locks and ejects; 4x speed.
    let capabilities: [UInt8] =
      [0x2A, 18, 0x03, 0, 0x71, 0x60, 0x29, 0] + Bytes.bytes(UInt16(706)) + [0, 2]
      + Bytes.bytes(UInt16(512)) + Bytes.bytes(UInt16(706)) + [0, 0, 0, 0]
    let pages: [UInt8]
    switch packet[2] & 0x3F {
    case 0x01: pages = recovery
    case 0x2A: pages = capabilities
    case 0x3F: pages = recovery + capabilities
    default: return nil
    }
    // A data CD of 120 mm.
    return isLong
      ? Bytes.bytes(UInt16(pages.count + 6)) + [1, 0, 0, 0, 0, 0] + pages
      : [UInt8(pages.count + 3), 1, 0, 0] + pages
  }

  /// READ TOC: one track of data, and where the lead-out begins.
  private func tableOfContents(_ packet: [UInt8]) -> [UInt8]? {
    let inMinutes = packet[1] & 2 != 0
    func address(_ block: UInt64) -> [UInt8] {
      guard inMinutes else { return Bytes.bytes(UInt32(clamping: block)) }
      let frames = block + 150
      return [0, UInt8(clamping: frames / 4500), UInt8(frames / 75 % 60), UInt8(frames % 75)]
    }
    let first: [UInt8] = [0, 0x14, 1, 0] + address(0)
    let leadOut: [UInt8] = [0, 0x14, 0xAA, 0] + address(blockCount)
    switch packet[2] & 0xF != 0 ? packet[2] & 0xF : packet[9] >> 6 {
    case 0:
      guard packet[6] <= 1 || packet[6] == 0xAA else { return nil }
      let entries = packet[6] == 0xAA ? leadOut : first + leadOut
      return Bytes.bytes(UInt16(entries.count + 2)) + [1, 1] + entries
    case 1: return Bytes.bytes(UInt16(10)) + [1, 1] + first
    case 2:
      func entry(_ point: UInt8, _ content: [UInt8]) -> [UInt8] {
        [1, 0x14, 0, point, 0, 0, 0] + content
      }
      let entries =
        entry(0xA0, [0, 1, 0, 0]) + entry(0xA1, [0, 1, 0, 0]) + entry(0xA2, address(blockCount))
        + entry(1, address(0))
      return Bytes.bytes(UInt16(entries.count + 2)) + [1, 1] + entries
    default: return nil
    }
  }

  /// GET CONFIGURATION: a CD-ROM is in.
  private var configuration: [UInt8] {
    let profiles: [UInt8] = [0, 0, 3, 4, 0, 8, 1, 0]
    let core: [UInt8] = [0, 1, 3, 4, 0, 0, 0, 2]
    let removable: [UInt8] = [0, 3, 3, 4, 0x29, 0, 0, 0]
    let features = profiles + core + removable
    return Bytes.bytes(UInt32(features.count + 4)) + [0, 0, 0, 8] + features
  }

  /// GET EVENT STATUS NOTIFICATION: nothing happened, a medium is in.
  private func eventStatus(_ packet: [UInt8]) -> [UInt8]? {
    guard packet[1] & 1 != 0 else { return nil }
    return packet[4] & 0x10 != 0 ? [0, 6, 4, 0x10, 0, 2, 0, 0] : [0, 2, 0x80, 0x10]
  }

  /// READ DISC INFORMATION: one finished session with one track.
  private var discInformation: [UInt8] {
    [0, 32, 0x0E, 1, 1, 1, 1, 0x20] + [UInt8](repeating: 0, count: 26)
  }
}

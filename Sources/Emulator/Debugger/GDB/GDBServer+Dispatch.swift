import Emulator

/// Which packet means what.
extension GDBServer {
  /// Answers a packet; one that is not known with an empty reply.
  func dispatch(_ packet: [UInt8]) {
    var reader = PacketReader(packet)
    // While the machine runs only Ctrl-C counts; a new packet stops it too, or nobody would know
    // which of two replies is which.
    if plan != nil { interrupt() }
    guard let first = reader.character() else { return reply("") }
    switch Character(UnicodeScalar(first)) {
    case "?": reply(lastReply)
    case "g": reply(HexDigits.encode(readRegisters()))
    case "G": replyOK(if: writeRegisters(reader))
    case "p": readRegister(reader)
    case "P": replyOK(if: writeRegister(reader))
    case "m": readMemory(reader)
    case "M": writeMemory(reader, isBinary: false)
    case "X": writeMemory(reader, isBinary: true)
    case "Z": insertPoint(reader)
    case "z": removePoint(reader)
    case "H": selectThread(reader)
    case "T": checkThread(reader)
    case "b": resumeBackwards(reader)
    case "c", "s", "C", "S": resume(Character(UnicodeScalar(first)), reader)
    case "v": dispatchVerbose(reader)
    case "q": dispatchQuery(reader)
    case "Q": dispatchSetting(reader)
    case "D": release()
    case "k": kill()
    default: reply("")
    }
  }

  private func dispatchVerbose(_ reader: PacketReader) {
    var reader = reader
    if reader.take("Cont?") {
      reply("vCont;c;C;s;S;t;r")
    } else if reader.take("Cont;") {
      resume(actions: reader)
    } else if reader.take("Kill") {
      reply("OK")
      kill()
    } else {
      // vMustReplyEmpty among them.
      reply("")
    }
  }

  private func dispatchSetting(_ reader: PacketReader) {
    var reader = reader
    if reader.take("StartNoAckMode") {
      stopAcknowledging()
    } else if reader.take("qemu.PhyMemMode:") {
      guard let mode = reader.number(), mode <= 1 else { return reply(.invalidArgument) }
      accessesPhysicalMemory = mode == 1
      reply("OK")
    } else {
      reply("")
    }
  }

  private func dispatchQuery(_ reader: PacketReader) {
    var reader = reader
    if reader.take("Supported") {
      reply(Self.features)
    } else if reader.take("Xfer:") {
      transfer(reader)
    } else if reader.take("Rcmd,") {
      runMonitorCommand(reader)
    } else if reader.take("CRC:") {
      checkMemory(reader)
    } else if reader.take("qemu.PhyMemMode") {
      reply(accessesPhysicalMemory ? "1" : "0")
    } else if reader.take("Attached") {
      // A debugger that goes leaves the machine alone.
      reply("1")
    } else if reader.take("Symbol") {
      reply("OK")
    } else {
      queryThreads(reader)
    }
  }

  /// What is said to be there, and how long a packet may be.
  private static let features =
    "PacketSize=\(PacketStream.capacity.packetText);QStartNoAckMode+;qXfer:features:read+;"
    + "qXfer:threads:read+;vContSupported+;swbreak+;hwbreak+;ReverseStep+;ReverseContinue+;"
    + "ConditionalBreakpoints+;BreakpointCommands+"

  // MARK: Transfers

  /// A qXfer read: a piece of a text.
  private func transfer(_ reader: PacketReader) {
    var reader = reader
    let object = String(decoding: reader.field(until: ":"), as: UTF8.self)
    let operation = String(decoding: reader.field(until: ":"), as: UTF8.self)
    let annex = String(decoding: reader.field(until: ":"), as: UTF8.self)
    guard operation == "read", object == "features" || object == "threads" else {
      return reply("")
    }
    guard let offset = reader.count(), reader.take(","), let length = reader.count() else {
      return reply(.invalidArgument)
    }
    let bytes: [UInt8]
    if object == "threads" {
      bytes = Array(threadList.utf8)
    } else {
      guard annex == "target.xml" else { return reply("E00") }
      if offset == 0 { adoptDescription() }
      bytes = description
    }
    let piece = bytes.dropFirst(offset).prefix(min(length, PacketStream.capacity / 2))
    let isLast = offset + piece.count >= bytes.count
    reply([UInt8(ascii: isLast ? "l" : "m")] + piece)
  }

  // MARK: Monitor

  private func runMonitorCommand(_ reader: PacketReader) {
    guard let bytes = HexDigits.decode(reader.rest) else { return reply(.invalidArgument) }
    let line = String(decoding: bytes, as: UTF8.self)
    let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
    let answer: String
    if words.first == "arch" {
      answer = chooseArchitecture(words.dropFirst().first)
    } else if let monitor {
      answer = monitor(line)
    } else {
      answer = "there is no monitor here; arch, for the registers that gdb sees, is known\n"
    }
    show(answer)
    reply("OK")
  }
}

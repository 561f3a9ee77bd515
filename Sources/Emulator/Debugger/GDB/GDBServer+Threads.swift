import Emulator

/// Threads, which are processors.
extension GDBServer {
  /// Which threads a packet means.
  enum ThreadChoice: Equatable {
    case all
    case any
    case processor(Int)
  }

  /// Reads a thread's number, with the process's before it or not.
  func thread(_ reader: inout PacketReader) -> ThreadChoice? {
    if reader.take("p") {
      guard reader.take("-1") || reader.number() != nil else { return nil }
      guard reader.take(".") else { return .all }
    }
    if reader.take("-1") { return .all }
    guard let number = reader.number() else { return nil }
    if number == 0 { return .any }
    guard number <= UInt64(machine.processors.count) else { return nil }
    return .processor(Int(number) - 1)
  }

  /// H.
  func selectThread(_ reader: PacketReader) {
    var reader = reader
    let operation = reader.character()
    guard let choice = thread(&reader) else { return reply(.noSuchThread) }
    switch operation {
    case UInt8(ascii: "g"):
      if case .processor(let number) = choice { selectedProcessor = number }
    case UInt8(ascii: "c"):
      if case .processor(let number) = choice {
        steppedProcessor = number
      } else {
        steppedProcessor = nil
      }
    default: return reply(.invalidArgument)
    }
    reply("OK")
  }

  /// T.
  func checkThread(_ reader: PacketReader) {
    var reader = reader
    guard case .processor = thread(&reader) else { return reply(.noSuchThread) }
    reply("OK")
  }

  /// Queries about threads.
  func queryThreads(_ reader: PacketReader) {
    var reader = reader
    if reader.take("fThreadInfo") {
      let numbers = machine.processors.indices.map { ($0 + 1).packetText }
      reply("m" + numbers.joined(separator: ","))
    } else if reader.take("sThreadInfo") {
      reply("l")
    } else if reader.take("ThreadExtraInfo,") {
      guard case .processor(let number) = thread(&reader) else { return reply(.noSuchThread) }
      reply(HexDigits.encode("CPU \(number), \(activity(of: number))".utf8))
    } else if reader.take("C"), reader.isAtEnd {
      reply("QC\((selectedProcessor + 1).packetText)")
    } else {
      reply("")
    }
  }

  /// The text of qXfer:threads:read.
  var threadList: String {
    var text = "<?xml version=\"1.0\"?>\n<threads>\n"
    for number in machine.processors.indices {
      text += "<thread id=\"\((number + 1).packetText)\" core=\"\(number)\" name=\"CPU \(number)\">"
      text += "\(activity(of: number))</thread>\n"
    }
    return text + "</threads>\n"
  }

  /// What a processor does, in a few words.
  private func activity(of number: Int) -> String {
    let cpu = machine.processors[number].cpu
    let mode = cpu.mode
    let width = mode.contains(.long) ? 64 : mode.contains(.big) ? 32 : 16
    let code = mode.contains(.real) ? "real mode" : "\(width)-bit code, ring \(cpu.cpl)"
    return switch Activity(rawValue: cpu.state.pointee.activity) {
    case .running, nil: code
    case .halted: "halted, \(code)"
    case .monitorWait: "in MWAIT, \(code)"
    case .shutdown: "shut down, \(code)"
    case .waitForSIPI: "not started"
    }
  }
}

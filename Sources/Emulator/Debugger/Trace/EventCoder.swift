import Emulator

/// Events as bytes and back: what repeats or follows from the event before takes no room.
///
/// The first byte says which kind; the places are distances from the last ones.
struct EventCoder {
  private var position: UInt64 = 0
  private var time: UInt64 = 0
  private var source: UInt64 = 0
  private var target: UInt64 = 0

  private static let modes: [OperatingMode] = [
    .real, .virtual8086, .protected, .compatibility, .long,
  ]
  private static let sources: [InterruptEvent.Source] = [
    .fault, .trap, .software, .privilegedSoftware, .external, .nonMaskable,
  ]
  private static let systemCalls: [ExecutionEvent.SystemCall] = [
    .syscall, .sysret, .sysenter, .sysexit,
  ]
  private static let tables: [ExecutionEvent.TableRegister] = [.gdtr, .idtr, .ldtr, .tr]

  // MARK: Writing

  mutating func write(_ event: ExecutionEvent, to writer: inout ByteWriter) {
    writer.write(byte: Self.tag(event.kind))
    writer.write(UInt64(event.processor))
    writer.write(event.position &- position)
    // Time goes as instructions do, mostly.
    writer.write(signed: Int64(bitPattern: event.time &- time &- (event.position &- position)))
    writer.write(signed: Int64(bitPattern: event.source.address &- source))
    writer.write(signed: Int64(bitPattern: event.target.address &- target))
    writer.write(byte: Self.level(event.source))
    writer.write(byte: Self.level(event.target))
    (position, time) = (event.position, event.time)
    (source, target) = (event.source.address, event.target.address)
    Self.writeDetails(event.kind, to: &writer)
  }

  private static func level(_ place: ExecutionEvent.Place) -> UInt8 {
    place.cpl | UInt8(modes.firstIndex(of: place.mode) ?? 0) << 2
  }

  private static func tag(_ kind: ExecutionEvent.Kind) -> UInt8 {
    switch kind {
    case .delivery: 0
    case .interruptReturn: 1
    case .systemCall: 2
    case .farTransfer: 3
    case .call: 4
    case .callReturn: 5
    case .controlRegister: 6
    case .extendedControlRegister: 7
    case .modelSpecificRegister: 8
    case .table: 9
    case .invalidatePage: 10
    case .invalidateContext: 11
    case .halt: 12
    case .wake: 13
    case .read: 14
    case .write: 15
    case .reset: 16
    case .signal: 17
    case .input: 18
    case .output: 19
    }
  }

  private static func writeDetails(_ kind: ExecutionEvent.Kind, to writer: inout ByteWriter) {
    switch kind {
    case .delivery(let delivery): write(delivery, to: &writer)
    case .systemCall(let call, let rax):
      writer.write(byte: UInt8(systemCalls.firstIndex(of: call) ?? 0))
      writer.write(rax)
    case .call(let value), .callReturn(let value), .invalidatePage(let value),
      .invalidateContext(let value):
      writer.write(value)
    case .controlRegister(let number, let value):
      writer.write(byte: number)
      writer.write(value)
    case .extendedControlRegister(let number, let value),
      .modelSpecificRegister(let number, let value):
      writer.write(UInt64(number))
      writer.write(value)
    case .table(let register, let base, let detail):
      writer.write(byte: UInt8(tables.firstIndex(of: register) ?? 0))
      writer.write(base)
      writer.write(detail)
    case .read(let space, let address, let size, let value),
      .write(let space, let address, let size, let value):
      writer.write(byte: size | (space == .memory ? 0x80 : 0))
      writer.write(address)
      writer.write(value)
    case .signal(.initialize): writer.write(byte: 0)
    case .signal(.startUp(let page)):
      writer.write(byte: 1)
      writer.write(byte: page)
    case .input(let port, let bytes):
      writer.write(UInt64(port))
      writer.write(bytes)
    case .output(let port, let byte):
      writer.write(UInt64(port))
      writer.write(byte: byte)
    case .interruptReturn, .farTransfer, .halt, .wake, .reset: break
    }
  }

  private static func write(_ delivery: ExecutionEvent.Delivery, to writer: inout ByteWriter) {
    let has: UInt8 =
      (delivery.errorCode != nil ? 8 : 0) | (delivery.faultAddress != nil ? 16 : 0)
      | (delivery.failure != nil ? 32 : 0)
    writer.write(byte: UInt8(sources.firstIndex(of: delivery.source) ?? 0) | has)
    writer.write(byte: delivery.vector)
    if let code = delivery.errorCode { writer.write(UInt64(code)) }
    if let address = delivery.faultAddress { writer.write(address) }
    if let failure = delivery.failure {
      writer.write(byte: failure.vector)
      writer.write(UInt64(failure.errorCode ?? 0))
      if case .pageFault(let address, _) = failure { writer.write(address) }
    }
  }

  // MARK: Reading

  /// The next event, nil if the bytes are none.
  mutating func read(_ reader: inout ByteReader) -> ExecutionEvent? {
    guard let tag = reader.byte(), let processor = reader.number(), processor < 256,
      let distance = reader.number(), let slip = reader.signed(), let from = reader.signed(),
      let to = reader.signed(), let sourceLevel = reader.byte(), let targetLevel = reader.byte()
    else { return nil }
    position &+= distance
    time = time &+ distance &+ UInt64(bitPattern: slip)
    source &+= UInt64(bitPattern: from)
    target &+= UInt64(bitPattern: to)
    guard let first = Self.place(source, sourceLevel), let second = Self.place(target, targetLevel),
      let kind = Self.kind(tag, &reader)
    else { return nil }
    return ExecutionEvent(
      processor: Int(processor), position: position, time: time, source: first, target: second,
      kind: kind)
  }

  private static func place(_ address: UInt64, _ level: UInt8) -> ExecutionEvent.Place? {
    guard Int(level >> 2) < modes.count else { return nil }
    return ExecutionEvent.Place(address: address, cpl: level & 3, mode: modes[Int(level >> 2)])
  }

  private static func kind(_ tag: UInt8, _ reader: inout ByteReader) -> ExecutionEvent.Kind? {
    switch tag {
    case 0: delivery(&reader).map { .delivery($0) }
    case 1: .interruptReturn
    case 2: systemCall(&reader)
    case 3: .farTransfer
    case 4: reader.number().map { .call(rsp: $0) }
    case 5: reader.number().map { .callReturn(rsp: $0) }
    case 6...9: register(tag, &reader)
    case 10: reader.number().map { .invalidatePage($0) }
    case 11: reader.number().map { .invalidateContext($0) }
    case 12: .halt
    case 13: .wake
    case 14, 15: access(&reader, isWrite: tag == 15)
    case 16: .reset
    default: outside(tag, &reader)
    }
  }

  private static func systemCall(_ reader: inout ByteReader) -> ExecutionEvent.Kind? {
    guard let index = reader.byte(), Int(index) < systemCalls.count, let rax = reader.number()
    else { return nil }
    return .systemCall(systemCalls[Int(index)], rax: rax)
  }

  private static func register(
    _ tag: UInt8, _ reader: inout ByteReader
  ) -> ExecutionEvent.Kind? {
    if tag == 6 {
      guard let number = reader.byte(), let value = reader.number() else { return nil }
      return .controlRegister(number, value)
    }
    if tag == 9 {
      guard let index = reader.byte(), Int(index) < tables.count, let base = reader.number(),
        let detail = reader.number()
      else { return nil }
      return .table(tables[Int(index)], base: base, detail: detail)
    }
    guard let number = reader.number(), number >> 32 == 0, let value = reader.number() else {
      return nil
    }
    return tag == 7
      ? .extendedControlRegister(UInt32(number), value)
      : .modelSpecificRegister(UInt32(number), value)
  }

  private static func access(
    _ reader: inout ByteReader, isWrite: Bool
  ) -> ExecutionEvent.Kind? {
    guard let size = reader.byte(), let address = reader.number(), let value = reader.number()
    else { return nil }
    let space = size & 0x80 != 0 ? ExecutionEvent.Space.memory : .port
    return isWrite
      ? .write(space, address: address, size: size & 0x7F, value: value)
      : .read(space, address: address, size: size & 0x7F, value: value)
  }

  /// Messages, input and output.
  private static func outside(
    _ tag: UInt8, _ reader: inout ByteReader
  ) -> ExecutionEvent.Kind? {
    switch tag {
    case 17:
      guard let which = reader.byte(), which < 2 else { return nil }
      return which == 0 ? .signal(.initialize) : reader.byte().map { .signal(.startUp(page: $0)) }
    case 18:
      guard let port = reader.number(), port < 0x1_0000, let bytes = reader.content() else {
        return nil
      }
      return .input(port: Int(port), bytes: bytes)
    case 19:
      guard let port = reader.number(), port < 0x1_0000, let byte = reader.byte() else {
        return nil
      }
      return .output(port: Int(port), byte: byte)
    default: return nil
    }
  }

  private static func delivery(_ reader: inout ByteReader) -> ExecutionEvent.Delivery? {
    guard let flags = reader.byte(), Int(flags & 7) < sources.count, let vector = reader.byte()
    else { return nil }
    var errorCode: UInt32?
    var faultAddress: UInt64?
    var failure: Exception?
    if flags & 8 != 0 {
      guard let code = reader.number() else { return nil }
      errorCode = UInt32(truncatingIfNeeded: code)
    }
    if flags & 16 != 0 {
      guard let address = reader.number() else { return nil }
      faultAddress = address
    }
    if flags & 32 != 0 {
      guard let raised = exception(&reader) else { return nil }
      failure = raised
    }
    return ExecutionEvent.Delivery(
      vector: vector, source: sources[Int(flags & 7)], errorCode: errorCode,
      faultAddress: faultAddress, failure: failure)
  }

  /// An exception that a delivery may raise.
  private static func exception(_ reader: inout ByteReader) -> Exception? {
    guard let vector = reader.byte(), let number = reader.number() else { return nil }
    let code = UInt32(truncatingIfNeeded: number)
    switch vector {
    case 1: return .debugFault(dr6: 0)
    case 6: return .invalidOpcode
    case 8: return .doubleFault
    case 10: return .invalidTSS(errorCode: code)
    case 11: return .segmentNotPresent(errorCode: code)
    case 12: return .stackFault(errorCode: code)
    case 13: return .generalProtection(errorCode: code)
    case 14:
      return reader.number().map {
        .pageFault(address: $0, code: PageFaultErrorCode(rawValue: code))
      }
    case 17: return .alignmentCheck
    default: return nil
    }
  }
}

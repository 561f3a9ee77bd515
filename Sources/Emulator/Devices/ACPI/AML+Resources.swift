/// Address space descriptors and control flow.
extension AML {
  /// WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode).
  static func busNumbers(_ range: ClosedRange<UInt16>) -> [UInt8] {
    words(kind: 2, flags: 0, range)
  }

  /// WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange).
  static func portRange(_ range: ClosedRange<UInt16>) -> [UInt8] {
    words(kind: 1, flags: 3, range)
  }

  private static func words(kind: UInt8, flags: UInt8, _ range: ClosedRange<UInt16>) -> [UInt8] {
    let fields = [0, UInt64(range.lowerBound), UInt64(range.upperBound), 0, UInt64(range.count)]
    return [0x88, 13, 0, kind, fixedRange, flags] + fields.flatMap { $0.littleEndianBytes(2) }
  }

  /// DWordMemory (ResourceProducer, MinFixed, MaxFixed, PosDecode, NonCacheable, ReadWrite).
  static func memoryRange32(_ range: Range<UInt64>) -> [UInt8] {
    [0x87, 23, 0, 0, fixedRange, 1] + fields(range).flatMap { $0.littleEndianBytes(4) }
  }

  /// QWordMemory (ResourceProducer, MinFixed, MaxFixed, PosDecode, Prefetchable, ReadWrite).
  static func memoryRange64(_ range: Range<UInt64>) -> [UInt8] {
    [0x8A, 43, 0, 0, fixedRange, 7] + fields(range).flatMap { $0.littleEndianBytes(8) }
  }

  private static let fixedRange: UInt8 = 0x0C

  private static func fields(_ range: Range<UInt64>) -> [UInt64] {
    [0, range.lowerBound, range.upperBound &- 1, 0, range.upperBound &- range.lowerBound]
  }

  /// Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { number }.
  static func interrupt(_ number: UInt32) -> [UInt8] {
    [0x89, 6, 0, 0x09, 1] + UInt64(number).littleEndianBytes(4)
  }

  /// If (name) { terms }.
  static func ifTrue(_ name: String, _ terms: [[UInt8]]) -> [UInt8] {
    [0xA0] + package(path(name) + terms.flatMap { $0 })
  }

  /// Return (name).
  static func returnName(_ name: String) -> [UInt8] { [0xA4] + path(name) }

  /// Return (ArgN).
  static func returnArgument(_ number: UInt8) -> [UInt8] { [0xA4, 0x68 &+ number] }
}

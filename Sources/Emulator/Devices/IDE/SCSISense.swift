/// Why a packet command failed: sense key, additional sense code and qualifier.
struct SCSISense: Codable, Equatable, Sendable {
  var key: UInt8
  var code: UInt8
  var qualifier: UInt8 = 0

  static let none = SCSISense(key: 0, code: 0)
  static let illegalRequest = SCSISense(key: 5, code: 0x20)
  static let invalidField = SCSISense(key: 5, code: 0x24)
  static let outOfRange = SCSISense(key: 5, code: 0x21)
  static let unrecoveredRead = SCSISense(key: 3, code: 0x11)
  static let mediumChanged = SCSISense(key: 6, code: 0x28)
  static let savingNotSupported = SCSISense(key: 5, code: 0x39)
  static let aborted = SCSISense(key: 0xB, code: 0)
}

/// Big-endian numbers, as SCSI has them.
enum SCSINumber {
  static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }

  static func number(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.reduce(0) { $0 << 8 | Int($1) }
  }
}

/// A small encoder of ACPI Machine Language.
///
/// ACPI specification, "ACPI Machine Language (AML) Specification". Each function gives the bytes
/// of one term.
enum AML {
  static func name(_ segment: String, _ object: [UInt8]) -> [UInt8] {
    [0x08] + path(segment) + object
  }

  static func scope(_ segment: String, _ terms: [[UInt8]]) -> [UInt8] {
    [0x10] + package(path(segment) + terms.flatMap { $0 })
  }

  static func device(_ segment: String, _ terms: [[UInt8]]) -> [UInt8] {
    [0x5B, 0x82] + package(path(segment) + terms.flatMap { $0 })
  }

  static func method(_ segment: String, arguments: UInt8, _ terms: [[UInt8]]) -> [UInt8] {
    [0x14] + package(path(segment) + [arguments & 7] + terms.flatMap { $0 })
  }

  /// Store (ArgN, target).
  static func store(argument: UInt8, to target: String) -> [UInt8] {
    [0x70, 0x68 &+ argument] + path(target)
  }

  static func packageOf(_ elements: [[UInt8]]) -> [UInt8] {
    [0x12] + package([UInt8(truncatingIfNeeded: elements.count)] + elements.flatMap { $0 })
  }

  static func integer(_ value: UInt64) -> [UInt8] {
    switch value {
    case 0: [0x00]
    case 1: [0x01]
    case 0...0xFF: [0x0A] + value.littleEndianBytes(1)
    case 0...0xFFFF: [0x0B] + value.littleEndianBytes(2)
    case 0...0xFFFF_FFFF: [0x0C] + value.littleEndianBytes(4)
    default: [0x0E] + value.littleEndianBytes(8)
    }
  }

  static func string(_ text: String) -> [UInt8] {
    [0x0D] + Array(text.utf8) + [0]
  }

  static func buffer(_ bytes: [UInt8]) -> [UInt8] {
    [0x11] + package(integer(UInt64(bytes.count)) + bytes)
  }

  /// A compressed EISA identifier such as PNP0501: three letters of 5 bits, four hex digits.
  static func eisaID(_ text: String) -> [UInt8] {
    let characters = Array(text.utf8)
    guard characters.count == 7, let digits = UInt64(text.dropFirst(3), radix: 16) else {
      return string(text)
    }
    let letters = characters.prefix(3).reduce(UInt64(0)) { $0 << 5 | UInt64($1 &- 0x40) & 0x1F }
    let value = letters << 16 | digits
    return integer(UInt64(UInt32(truncatingIfNeeded: value).byteSwapped))
  }

  /// _CRS: a resource template, closed by its end tag.
  static func resources(_ descriptors: [[UInt8]]) -> [UInt8] {
    name("_CRS", buffer(descriptors.flatMap { $0 } + [0x79, 0]))
  }

  /// IO (Decode16, base, base, 1, length).
  static func ports(_ base: UInt16, _ length: UInt8) -> [UInt8] {
    let address = UInt64(base).littleEndianBytes(2)
    return [0x47, 0x01] + address + address + [1, length]
  }

  /// IRQNoFlags () { irq }: an ISA interrupt, active high and edge-triggered.
  static func irq(_ number: UInt8) -> [UInt8] {
    [0x22] + (UInt64(1) &<< UInt64(number & 15)).littleEndianBytes(2)
  }

  /// Memory32Fixed (ReadWrite, base, length).
  static func memory(_ base: UInt32, _ length: UInt32) -> [UInt8] {
    [0x86, 0x09, 0x00, 0x01] + UInt64(base).littleEndianBytes(4)
      + UInt64(length).littleEndianBytes(4)
  }

  /// A name of one segment, padded with underscores, after a root prefix if it has one.
  static func path(_ text: String) -> [UInt8] {
    let isAbsolute = text.hasPrefix("\\")
    let segment = Array(text.utf8.dropFirst(isAbsolute ? 1 : 0).prefix(4))
    return (isAbsolute ? [0x5C] : []) + segment
      + [UInt8](repeating: 0x5F, count: 4 - segment.count)
  }

  /// A PkgLength, which counts itself, and the bytes it covers.
  static func package(_ bytes: [UInt8]) -> [UInt8] {
    let count = bytes.count
    if count + 1 < 0x40 { return [UInt8(count + 1)] + bytes }
    let followers = count + 2 < 1 << 12 ? 1 : count + 3 < 1 << 20 ? 2 : 3
    let length = UInt64(count + 1 + followers)
    return [UInt8(followers << 6) | UInt8(length & 0xF)]
      + (length >> 4).littleEndianBytes(followers) + bytes
  }
}

extension UInt64 {
  /// The low `count` bytes, the lowest first.
  package func littleEndianBytes(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: self &>> UInt64($0 &* 8)) }
  }
}

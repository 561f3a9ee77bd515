/// Firmware for the ROM below 4 GiB, which the processor starts in.
public struct FirmwareImage: Equatable, Sendable {
  /// The file's name, for messages.
  public let name: String
  /// The content of the ROM.
  public let bytes: [UInt8]

  private static let unit = 64 << 10
  /// Where the processor's first instruction stands, from the end.
  private static let resetVector = 16

  /// Takes a firmware file, or says why it cannot be one.
  public init(_ bytes: [UInt8], name: String) throws(ImageError) {
    let largest = Int(PhysicalMemory.largestROM)
    guard !bytes.isEmpty, bytes.count % Self.unit == 0, bytes.count <= largest else {
      throw ImageError(
        name,
        "firmware is a multiple of 64 KiB and at most \(largest >> 20) MiB, "
          + "this file has \(bytes.count) bytes")
    }
    let start = bytes.suffix(Self.resetVector)
    guard start.contains(where: { $0 != start[start.startIndex] }) else {
      throw ImageError(
        name,
        "this is no PC firmware: its last 16 bytes, where the processor starts, are all the same")
    }
    self.name = name
    self.bytes = bytes
  }
}

/// An option ROM that a device brings: a real-mode program that firmware runs.
public struct OptionROM: Equatable, Sendable {
  /// The content, a multiple of 512 bytes.
  public let bytes: [UInt8]

  private static let unit = 512

  /// Takes an option ROM file, or says why it cannot be one.
  public init(_ bytes: [UInt8], name: String) throws(ImageError) {
    guard bytes.count >= Self.unit, bytes[0] == 0x55, bytes[1] == 0xAA else {
      throw ImageError(name, "this is no option ROM: it does not begin with 55h AAh")
    }
    let length = Int(bytes[2]) * Self.unit
    guard length > 0, length <= bytes.count, bytes.count <= 1 << 20 else {
      throw ImageError(
        name, "this option ROM says that it has \(length) bytes, the file has \(bytes.count)")
    }
    self.bytes = bytes
  }
}

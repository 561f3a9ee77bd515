import CElf

/// A kernel that asks for the Limine protocol.
public struct LimineKernel: Sendable {
  /// The least address that a kernel may be linked for, and the slide of one linked for 0.
  static let lowestAddress: UInt64 = 0xFFFF_FFFF_8000_0000

  /// The file.
  public let elf: ELFImage
  /// How far the kernel is moved from the addresses it was linked for.
  let slide: UInt64
  /// The page-aligned address of its first byte, moved.
  let base: UInt64
  /// Bytes from there to its end, in whole pages.
  let size: UInt64

  /// Recognises a kernel with Limine requests; nil if the file has none.
  init?(_ bytes: [UInt8], name: String) throws(ImageError) {
    guard FileSignature.matches(bytes, FileSignature.elf, at: 0) else { return nil }
    let elf = try ELFImage(bytes, name: name)
    guard elf.width == .bits64, elf.machine == UInt16(EM_X86_64), Self.hasRequests(elf) else {
      return nil
    }
    try elf.checkIsKernel()
    try elf.checkFileRanges()
    try elf.checkOverlaps(by: \.virtualAddress, "virtual address")
    let addresses = elf.loadable.map(\.segment.virtualAddress)
    let isLow = (addresses.min() ?? 0) < Self.lowestAddress
    guard !isLow || elf.type == UInt16(ET_DYN) else {
      throw ImageError(
        name,
        "the Limine protocol wants kernels linked at \(Self.lowestAddress.hex) or above, "
          + "not at \((addresses.min() ?? 0).hex)")
    }
    self.elf = elf
    slide = isLow ? Self.lowestAddress : 0
    let first = ((addresses.min() ?? 0) &+ slide) & ~0xFFF
    base = first
    var end = first
    for (number, segment) in elf.loadable {
      let (start, moved) = segment.virtualAddress.addingReportingOverflow(slide)
      let (last, wrapped) = start.addingReportingOverflow(segment.memorySize - 1)
      guard !moved, !wrapped, start >= Self.lowestAddress, last < .max - 0xFFF else {
        throw ImageError(name, "segment \(number) goes beyond the end of the address space")
      }
      end = max(end, (last | 0xFFF) + 1)
    }
    size = end - first
  }

  /// The entry point, moved.
  var entry: UInt64 { elf.entry &+ slide }

  private static func hasRequests(_ elf: ELFImage) -> Bool {
    if ELFSections(elf)?.section(named: LimineRequests.listSection) != nil { return true }
    return elf.loadable.contains { _, segment in
      let (end, overflow) = segment.offset.addingReportingOverflow(segment.fileSize)
      guard !overflow, end <= UInt64(elf.bytes.count) else { return false }
      return LimineRequests.isIn(
        elf.bytes[Int(segment.offset)..<Int(end)], address: segment.virtualAddress)
    }
  }
}

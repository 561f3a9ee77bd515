/// Where a Multiboot header says that its file is to be loaded, for files that are not ELF.
///
/// Multiboot Specification, "The address fields of Multiboot header".
struct MultibootAddresses: Equatable {
  /// header_addr: where the header itself comes to lie.
  let header: UInt32
  /// load_addr, or all ones for the beginning of the file.
  let load: UInt32
  /// load_end_addr, or 0 for the end of the file.
  let loadEnd: UInt32
  /// bss_end_addr, or 0 for none.
  let bssEnd: UInt32

  /// The part of the file to load, and where; or a sentence.
  func piece(
    headerOffset: Int, fileSize: Int, name: String
  ) throws(ImageError) -> MultibootKernel.Piece {
    let header = UInt64(header)
    let load = self.load == .max ? header &- UInt64(headerOffset) : UInt64(self.load)
    guard load <= header, header - load <= UInt64(headerOffset) else {
      throw ImageError(
        name,
        "its Multiboot header would load the file at \(load.hex), and itself at \(header.hex), "
          + "though it lies at offset \(headerOffset) of the file")
    }
    let start = headerOffset - Int(header - load)
    let length = loadEnd == 0 ? UInt64(fileSize - start) : UInt64(loadEnd) &- load
    guard loadEnd == 0 || UInt64(loadEnd) >= load, length <= UInt64(fileSize - start) else {
      throw ImageError(
        name,
        "its Multiboot header wants it loaded up to \(UInt64(loadEnd).hex), where the file is "
          + "over at \((load + UInt64(fileSize - start)).hex)")
    }
    let end = load + length
    guard bssEnd == 0 || UInt64(bssEnd) >= end else {
      throw ImageError(
        name, "its Multiboot header has zeroes end at \(UInt64(bssEnd).hex), before its data")
    }
    return MultibootKernel.Piece(
      file: start..<start + Int(length), address: load,
      size: (bssEnd == 0 ? end : UInt64(bssEnd)) - load)
  }
}

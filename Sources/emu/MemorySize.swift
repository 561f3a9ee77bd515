import ArgumentParser

/// A number of bytes, written with K, M, G or T (or KiB, MiB…) behind it; a bare number means MiB,
/// as QEMU's users expect.
struct MemorySize: ExpressibleByArgument, Equatable {
  let bytes: UInt64

  init(bytes: UInt64) { self.bytes = bytes }

  init?(argument: String) {
    let digits = argument.prefix { $0.isASCII && $0.isNumber }
    guard let number = UInt64(digits) else { return nil }
    let shift: UInt64
    switch argument.dropFirst(digits.count).uppercased() {
    case "K", "KB", "KIB": shift = 10
    case "", "M", "MB", "MIB": shift = 20
    case "G", "GB", "GIB": shift = 30
    case "T", "TB", "TIB": shift = 40
    case "B": shift = 0
    default: return nil
    }
    let (product, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
    guard !overflow else { return nil }
    bytes = product
  }

  var defaultValueDescription: String { "\(bytes >> 20)M" }
}

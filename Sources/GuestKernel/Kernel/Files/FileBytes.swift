/// Reading and writing open files from within the kernel, with arrays.
import KernelArch

enum FileBytes {
  /// Up to `count` bytes, as one `read` gives them.
  static func read(_ count: Int, from file: OpenFile) throws(SystemFailure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let got = try bytes.withUnsafeMutableBytes { buffer in
      SystemCalls.outcome { () throws(SystemFailure) in try file.read(into: buffer) }
    }.get()
    bytes.removeLast(count - got)
    return bytes
  }

  /// One `write`; returns how much was taken.
  @discardableResult
  static func write(_ bytes: [UInt8], to file: OpenFile) throws(SystemFailure) -> Int {
    try bytes.withUnsafeBytes { buffer in
      SystemCalls.outcome { () throws(SystemFailure) in try file.write(buffer) }
    }.get()
  }
}

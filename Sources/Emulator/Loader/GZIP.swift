import CZlib

/// Files that gzip made.
enum GZIP {
  /// The most that a file may become.
  static let limit = 1 << 30

  /// The content of a file, or the file itself if gzip did not make it.
  static func inflated(_ bytes: [UInt8], name: String) throws(ImageError) -> [UInt8] {
    guard FileSignature.matches(bytes, [0x1F, 0x8B], at: 0) else { return bytes }
    var stream = z_stream()
    // 16 asks for gzip's own header and check sum.
    guard
      inflateInit2_(
        &stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw ImageError(name, "zlib cannot be set up to inflate this file") }
    defer { inflateEnd(&stream) }
    return try inflate(bytes, &stream, name: name)
  }

  private static func inflate(
    _ bytes: [UInt8], _ stream: inout z_stream, name: String
  ) throws(ImageError) -> [UInt8] {
    var input = bytes
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    var status = Z_OK
    // SAFETY: zlib keeps pointers into `input` between calls, all of which lie in this closure.
    input.withUnsafeMutableBufferPointer { source in
      stream.next_in = source.baseAddress
      stream.avail_in = UInt32(clamping: source.count)
      while status == Z_OK, output.count <= limit {
        let made = chunk.withUnsafeMutableBufferPointer { target in
          stream.next_out = target.baseAddress
          stream.avail_out = UInt32(target.count)
          status = CZlib.inflate(&stream, Z_NO_FLUSH)
          return target.count - Int(stream.avail_out)
        }
        output += chunk[..<made]
      }
    }
    guard output.count <= limit else {
      throw ImageError(name, "this gzip file holds more than \(limit >> 20) MiB")
    }
    guard status == Z_STREAM_END else {
      let reason = stream.msg.map { String(cString: $0) } ?? "it ends too early"
      throw ImageError(name, "this gzip file is cut off or damaged (\(reason))")
    }
    return output
  }
}

import CZstd

/// Compression by Zstandard (RFC 8878).
enum Zstandard {
  /// The most that is unpacked of a file.
  private static let limit = 4 << 30

  /// The compressed bytes; nil if the library fails, for want of memory.
  static func compress(_ bytes: [UInt8], level: Int32 = 9) -> [UInt8]? {
    guard let context = ZSTD_createCCtx() else { return nil }
    defer { ZSTD_freeCCtx(context) }
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
    // So that damage shows.
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    let bound = ZSTD_compressBound(bytes.count)
    var size = 0
    let packed = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      size = ZSTD_compress2(context, buffer.baseAddress, bound, bytes, bytes.count)
      count = ZSTD_isError(size) == 0 ? size : 0
    }
    return ZSTD_isError(size) == 0 ? packed : nil
  }

  /// What `bytes` unpack to, nil if they are damaged.
  static func decompress(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    guard let stream = ZSTD_createDStream() else { return nil }
    defer { ZSTD_freeDStream(stream) }
    let piece = ZSTD_DStreamOutSize()
    var result: [UInt8] = []
    return bytes.withUnsafeBytes { source -> [UInt8]? in
      var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
      while true {
        var status = 0
        let part = [UInt8](unsafeUninitializedCapacity: piece) { buffer, count in
          var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: piece, pos: 0)
          status = ZSTD_decompressStream(stream, &output, &input)
          count = output.pos
        }
        guard ZSTD_isError(status) == 0 else { return nil }
        result += part
        guard result.count <= limit else { return nil }
        if status == 0 { return input.pos == input.size ? result : nil }
        // More is wanted, and there is none.
        if input.pos == input.size && part.count < piece { return nil }
      }
    }
  }
}

/// What came to the 0F map with SSE3, and the vector instructions of the three-byte maps, whose
/// operation the vector unit picks by map, prefix, opcode and ModR/M.
extension OpcodeTableBuilder {
  /// 0F: SSE3.
  func vectorRowsSSE3() {
    vector([0x12], .sse3, under: [.xF3, .xF2])
    vector([0x16], .sse3, under: [.xF3])
    vector([0x7C, 0x7D, 0xD0], .sse3, under: [.x66, .xF2])
    vector([0xF0], .sse3, under: [.xF2])
  }

  /// 0F 38: SSSE3, SSE4.1, SSE4.2, AES and SHA.
  func vectorRows38() {
    vector(Array(0x00...0x0B) + Array(0x1C...0x1E), .ssse3, under: [.none, .x66])
    vector([0x10, 0x14, 0x15, 0x17], .sse41)
    vector(Array(0x20...0x25) + Array(0x28...0x2B) + Array(0x30...0x35), .sse41)
    vector(Array(0x38...0x41), .sse41)
    vector([0x37], .sse42)
    vector(Array(0xDB...0xDF), .aes)
    vector(Array(0xC8...0xCD), .sha, under: [.none])
    row(.xF2, 0xF0, .crc32, .gy, .eb, feature: .sse42)
    row(.xF2, 0xF1, .crc32, .gy, .ev, feature: .sse42)
    row(.x66, 0xF6, .adcx, .gy, .ey, feature: .adx)
    row(.xF3, 0xF6, .adox, .gy, .ey, feature: .adx)
  }

  /// 0F 3A: SSSE3, SSE4.1, SSE4.2, PCLMULQDQ, AES and SHA, all with an immediate byte.
  func vectorRows3A() {
    let attributes: OpcodeAttributes = [.modRM, .imm8]
    vector(Array(0x08...0x0E), .sse41, attributes)
    vector([0x0F], .ssse3, attributes, under: [.none, .x66])
    vector(Array(0x14...0x17) + Array(0x20...0x22) + Array(0x40...0x42), .sse41, attributes)
    vector([0x44], .pclmulqdq, attributes)
    vector(Array(0x60...0x63), .sse42, attributes)
    vector([0xDF], .aes, attributes)
    vector([0xCC], .sha, attributes, under: [.none])
  }

  /// Rows for `opcodes` under each of `prefixes`.
  private func vector(
    _ opcodes: [Int], _ feature: ProcessorFeature, _ attributes: OpcodeAttributes = .modRM,
    under prefixes: [OpcodeTable.Prefix] = [.x66]
  ) {
    for opcode in opcodes {
      for prefix in prefixes { row(prefix, opcode, .sse, attributes, feature: feature) }
    }
  }
}

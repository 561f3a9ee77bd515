extension Lowering {
  /// Lowers a vector instruction, in either encoding.
  ///
  /// False if only its slow method knows it.
  mutating func lowerVector(_ i: Instruction) -> Bool {
    guard i.map >= 1 else { return false }
    var opcode = i.opcode
    var form: OperationForm = i.hasMemory ? .rm : .rr
    // Registers times sixteen, general ones times eight.
    var destination = i.reg &* 16
    var source = i.rm &* 16
    if i.map == 1 {
      switch opcode {
      // The handler of VZEROUPPER knows sixteen registers; there are eight outside 64-bit mode.
      case 0x77 where !mode.contains(.long): return false
      case 0x71, 0x72, 0x73:
        guard !i.hasMemory, let shift = Self.shift(opcode, i.reg & 7) else { return false }
        opcode = shift
        form = .ri
        destination = (i.isVEX ? i.vvvv : i.rm) &* 16
      case 0x11, 0x29, 0x7F: if form == .rr { swap(&destination, &source) }
      case 0x6E, 0x7E, 0x2A: if usesGeneral(i) { source = i.rm &* 8 }
      case 0x2C, 0xD7: destination = i.reg &* 8
      default: break
      }
    }
    let first = i.isVEX ? i.vvvv &* 16 : destination
    guard let handler = vectorHandler(i, opcode, form) else { return false }
    var operation = Operation(
      handler: handler, immediate: UInt64(first) | (i.immediate & 0xFF) << 8, a: destination,
      b: source)
    if i.hasMemory {
      guard setAddress(&operation, i) else { return false }
    }
    append(operation)
    return true
  }

  /// MOVQ from a vector register shares its opcode with MOVD to a general one.
  private func usesGeneral(_ i: Instruction) -> Bool {
    i.opcode != 0x7E || MandatoryPrefix(i.prefixes) == .operandSize
  }

  private func vectorHandler(
    _ i: Instruction, _ opcode: UInt8, _ form: OperationForm
  ) -> UInt64? {
    let hasWidths = i.map == 1 && [0x6E, 0x7E, 0x2A, 0x2C].contains(opcode)
    let width: VectorWidth = i.isVEX ? (i.laneCount == 2 ? .wide : .narrow) : .legacy
    return table.vectorHandler(
      map: i.map, prefix: MandatoryPrefix(i.prefixes), opcode, form, width,
      isQuadword: hasWidths && i.prefixes.contains(.rexW))
  }

  /// What a shift by an immediate is entered as: the opcode of the shift by a register, or for
  /// PSRLDQ and PSLLDQ, which have none, 73 and 77.
  private static func shift(_ group: UInt8, _ reg: UInt8) -> UInt8? {
    switch (group, reg) {
    case (0x71, 2): 0xD1
    case (0x71, 4): 0xE1
    case (0x71, 6): 0xF1
    case (0x72, 2): 0xD2
    case (0x72, 4): 0xE2
    case (0x72, 6): 0xF2
    case (0x73, 2): 0xD3
    case (0x73, 3): 0x73
    case (0x73, 6): 0xF3
    case (0x73, 7): 0x77
    default: nil
    }
  }
}

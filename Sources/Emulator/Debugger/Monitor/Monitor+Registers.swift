import Emulator

extension Monitor {
  /// The registers of a group, as lines.
  func registers(_ group: RegisterGroup) -> [String] {
    switch group {
    case .general: generalRegisters()
    case .system: systemRegisters()
    case .segments: segmentRegisters()
    case .sse: vectorRegisters()
    case .x87: x87Registers()
    case .debug: debugRegisters()
    case .msr: modelSpecificRegisters()
    }
  }

  private static func columns(_ pairs: [(String, UInt64)], _ count: Int) -> [String] {
    stride(from: 0, to: pairs.count, by: count).map { start in
      pairs[start..<min(start + count, pairs.count)].map {
        "\($0.0.padded(4)) \($0.1.hex(digits: 16))"
      }.joined(separator: "  ")
    }
  }

  /// The general registers, RIP and the flags in words.
  func generalRegisters() -> [String] {
    let order: [Register] = [
      .rax, .rbx, .rcx, .rdx, .rsi, .rdi, .rbp, .rsp, .r8, .r9, .r10, .r11, .r12, .r13, .r14, .r15,
    ]
    let flags = cpu.rflags
    return Self.columns(order.map { ("\($0)", cpu[$0]) }, 4) + [
      "rip  \(cpu.state.pointee.rip.hex(digits: 16))  \(symbols.name(instructionPointer) ?? "")",
      "rflags \(flags.rawValue.hex)  \(Self.words(flags))  CPL \(cpu.cpl)  "
        + "\(cpu.operatingMode.rawValue) mode",
    ]
  }

  /// The set flags by their names.
  private static func words(_ flags: RFLAGS) -> String {
    let names: [(RFLAGS, String)] = [
      (.carry, "CF"), (.parity, "PF"), (.auxiliaryCarry, "AF"), (.zero, "ZF"), (.sign, "SF"),
      (.trap, "TF"), (.interruptEnable, "IF"), (.direction, "DF"), (.overflow, "OF"),
      (.nestedTask, "NT"), (.resume, "RF"), (.virtual8086, "VM"), (.alignmentCheck, "AC"),
      (.virtualInterrupt, "VIF"), (.virtualInterruptPending, "VIP"), (.identification, "ID"),
    ]
    let set = names.filter { flags.contains($0.0) }.map(\.1)
    let level = flags.rawValue >> 12 & 3
    return (set + (level > 0 ? ["IOPL=\(level)"] : [])).joined(separator: " ")
  }

  private func systemRegisters() -> [String] {
    let state = cpu.state.pointee
    return [
      "cr0  \(state.cr0.hex(digits: 16))  \(BitNames.list(state.cr0, BitNames.cr0))",
      "cr2  \(state.cr2.hex(digits: 16))",
      "cr3  \(state.cr3.hex(digits: 16))",
      "cr4  \(state.cr4.hex(digits: 16))  \(BitNames.list(state.cr4, BitNames.cr4))",
      "efer \(state.efer.hex(digits: 16))  \(BitNames.list(state.efer, BitNames.efer))",
      "gdtr \(state.gdtr.base.hex) limit \(UInt64(state.gdtr.limit).hex)",
      "idtr \(state.idtr.base.hex) limit \(UInt64(state.idtr.limit).hex)",
    ]
  }

  private func segmentRegisters() -> [String] {
    SegmentName.allCases.map { name in
      let segment = cpu[name]
      return "\("\(name)".padded(4)) \(UInt64(segment.selector).hex(digits: 4))  base "
        + "\(segment.base.hex(digits: 16))  limit \(UInt64(segment.limit).hex(digits: 8))  "
        + DescriptorText.describe(segment)
    }
  }

  private func vectorRegisters() -> [String] {
    let state = cpu.state
    let isWide = state.pointee.xcr0 & 4 != 0
    return (0..<16).map { number in
      var words = [state.pointee.xmm[number * 2 + 1], state.pointee.xmm[number * 2]]
      if isWide {
        words =
          [state.pointee.ymmHigh[number * 2 + 1], state.pointee.ymmHigh[number * 2]] + words
      }
      return "\((isWide ? "ymm" : "xmm") + "\(number)")".padded(6)
        + words.map { $0.hex(digits: 16) }.joined(separator: "_")
    } + ["mxcsr \(UInt64(state.pointee.mxcsr).hex)  xcr0 \(state.pointee.xcr0.hex)"]
  }

  private func x87Registers() -> [String] {
    let state = cpu.state
    let top = Int(state.pointee.x87Status >> 11 & 7)
    return (0..<8).map { index in
      let number = (top + index) & 7
      let tag = state.pointee.x87Tags >> UInt16(number * 2) & 3
      let value = UInt64(state.pointee.x87Exponents[number]).hex(digits: 4)
      return "st\(index)  \(value)_\(state.pointee.x87Significands[number].hex(digits: 16))  "
        + ["valid", "zero", "special", "empty"][Int(tag)]
    } + [
      "control \(UInt64(state.pointee.x87Control).hex)  status "
        + "\(UInt64(state.pointee.x87Status).hex)  tags \(UInt64(state.pointee.x87Tags).hex)"
    ]
  }

  private func debugRegisters() -> [String] {
    (0..<8).filter { $0 != 4 && $0 != 5 }.map {
      "dr\($0)  \(cpu.state.pointee.debugRegisters[$0].hex(digits: 16))"
    }
  }

  private func modelSpecificRegisters() -> [String] {
    let state = cpu.state.pointee
    let rows: [(String, UInt64)] = [
      ("IA32_EFER", state.efer), ("IA32_STAR", state.star), ("IA32_LSTAR", state.lstar),
      ("IA32_CSTAR", state.cstar), ("IA32_FMASK", state.fmask),
      ("IA32_FS_BASE", cpu[.fs].base), ("IA32_GS_BASE", cpu[.gs].base),
      ("IA32_KERNEL_GS_BASE", state.kernelGSBase), ("IA32_TSC_AUX", state.tscAux),
      ("IA32_TSC_ADJUST", state.tscAdjust), ("IA32_SYSENTER_CS", state.sysenterCS),
      ("IA32_SYSENTER_ESP", state.sysenterESP), ("IA32_SYSENTER_EIP", state.sysenterEIP),
      ("IA32_PAT", state.pat), ("IA32_MISC_ENABLE", state.miscEnable),
      ("IA32_MTRR_DEF_TYPE", state.mtrrDefaultType),
      ("IA32_APIC_BASE", machine.chipset.localAPICs[processorNumber].state.base),
    ]
    return rows.map { name, value in
      "\(name.padded(22)) \(value.hex(digits: 16))"
        + (symbols.name(value).map { "  \($0)" } ?? "")
    }
  }
}

extension String {
  /// With spaces behind it, up to a width.
  func padded(_ width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}

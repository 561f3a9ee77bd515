extension CPU {
  /// Adds everything architectural about the processor, field by field.
  ///
  /// Caches, TLBs, the budget and how flags are kept are not architectural.
  func add(to digest: inout StateDigest) {
    // Flags are materialised first, so that the lazy form does not show.
    digest.add(rflags.rawValue)
    for register in Register.allCases { digest.add(self[register]) }
    digest.add(state.pointee.rip)
    digest.add(instructionCount)
    digest.add(now)
    for name in SegmentName.allCases { Self.add(self[name], to: &digest) }
    addControl(to: &digest)
    addModelSpecific(to: &digest)
    addFloatingPoint(to: &digest)
  }

  private static func add(_ segment: SegmentRegister, to digest: inout StateDigest) {
    digest.add(UInt64(segment.selector) | UInt64(segment.attributes) << 16)
    digest.add(UInt64(segment.limit))
    digest.add(segment.base)
  }

  private func addControl(to digest: inout StateDigest) {
    digest.add(state.pointee.gdtr.base)
    digest.add(UInt64(state.pointee.gdtr.limit))
    digest.add(state.pointee.idtr.base)
    digest.add(UInt64(state.pointee.idtr.limit))
    digest.add(state.pointee.cr0)
    digest.add(state.pointee.cr2)
    digest.add(state.pointee.cr3)
    digest.add(state.pointee.cr4)
    digest.add(state.pointee.efer)
    for index in 0..<4 { digest.add(state.pointee.pdpte[index]) }
    for index in 0..<8 { digest.add(state.pointee.debugRegisters[index]) }
    digest.add(state.pointee.pendingDebug)
    digest.add(UInt64(state.pointee.cpl))
    digest.add(UInt64(state.pointee.activity))
    digest.add(UInt64(state.pointee.shadow))
    digest.add(state.pointee.nmiBlocked ? 1 as UInt64 : 0)
    digest.add(state.pointee.monitorLine)
    digest.add(state.pointee.waitEndsAtInterrupt ? 1 as UInt64 : 0)
  }

  private func addModelSpecific(to digest: inout StateDigest) {
    digest.add(state.pointee.star)
    digest.add(state.pointee.lstar)
    digest.add(state.pointee.cstar)
    digest.add(state.pointee.fmask)
    digest.add(state.pointee.kernelGSBase)
    digest.add(state.pointee.sysenterCS)
    digest.add(state.pointee.sysenterESP)
    digest.add(state.pointee.sysenterEIP)
    digest.add(state.pointee.tscAux)
    digest.add(state.pointee.tscAdjust)
    digest.add(state.pointee.randomNumbers.state)
    digest.add(state.pointee.pat)
    digest.add(state.pointee.miscEnable)
    digest.add(state.pointee.mtrrDefaultType)
    for index in 0..<11 { digest.add(state.pointee.mtrrFixed[index]) }
    for index in 0..<16 { digest.add(state.pointee.mtrrVariable[index]) }
    digest.add(state.pointee.machineCheckControl)
    for index in 0..<10 { digest.add(state.pointee.machineCheckBankControl[index]) }
  }

  private func addFloatingPoint(to digest: inout StateDigest) {
    for index in 0..<32 { digest.add(state.pointee.xmm[index]) }
    for index in 0..<32 { digest.add(state.pointee.ymmHigh[index]) }
    digest.add(state.pointee.xcr0)
    digest.add(UInt64(state.pointee.pkru))
    digest.add(UInt64(state.pointee.mxcsr))
    for index in 0..<8 {
      digest.add(state.pointee.x87Significands[index])
      digest.add(UInt64(state.pointee.x87Exponents[index]))
    }
    digest.add(UInt64(state.pointee.x87Control))
    digest.add(UInt64(state.pointee.x87Status))
    digest.add(UInt64(state.pointee.x87Tags))
    digest.add(UInt64(state.pointee.x87Opcode))
    digest.add(state.pointee.x87InstructionPointer)
    digest.add(state.pointee.x87DataPointer)
    digest.add(UInt64(state.pointee.x87CodeSelector))
    digest.add(UInt64(state.pointee.x87DataSelector))
  }
}

extension CPU {
  /// Segment attributes of the boot GDT, as a segment register holds them.
  private enum Attributes {
    static let code32: UInt16 = 0xC09B
    static let code64: UInt16 = 0xA09B
    static let data: UInt16 = 0xC093
    static let busyTaskState: UInt16 = 0x8B
  }

  /// Puts a processor that was just reset at a kernel's entry.
  ///
  /// `seed` decides what stands in the registers that the protocol leaves open, zeroes for 0.
  func enter(_ entry: KernelEntry, seed: UInt64) {
    var numbers = SeededNumbers(seed: seed)
    for register in Register.allCases where register != .rsp && register != .rbp {
      let number = seed == 0 ? 0 : numbers.next()
      // 32-bit mode has neither R8 to R15 nor upper halves.
      self[register] =
        entry.mode != .protected ? number : register.rawValue < 8 ? number & 0xFFFF_FFFF : 0
    }
    switch entry.mode {
    case .protected: enterProtectedMode()
    case .long(let root): enterLongMode(entry, pageTableRoot: root)
    }
    loadSegments(entry)
    if let pageAttributes = entry.pageAttributes { state.pointee.pat = pageAttributes }
    for setting in entry.registers { self[setting.register] = setting.value }
    finish(entry.address)
  }

  private func enterProtectedMode() {
    state.pointee.cr0 = CR0([.protectionEnable, .extensionType]).rawValue
    state.pointee.cr4 = 0
    state.pointee.efer = 0
  }

  private func enterLongMode(_ entry: KernelEntry, pageTableRoot: UInt64) {
    state.pointee.cr0 =
      CR0([
        .protectionEnable, .monitorCoprocessor, .extensionType, .numericError, .writeProtect,
        .paging,
      ]).rawValue
    state.pointee.cr3 = pageTableRoot
    var cr4: CR4 = [.physicalAddressExtension, .osFXSR, .osXMMException]
    if entry.hasFiveLevels { cr4.insert(.linearAddresses57) }
    state.pointee.cr4 = cr4.rawValue
    state.pointee.efer = EFER([.longModeEnable, .longModeActive, .noExecuteEnable]).rawValue
    state.pointee.x87Control = 0x37F
    state.pointee.x87Tags = 0xFFFF
  }

  /// Sets the MTRRs as firmware leaves them, on all processors the same.
  ///
  /// RAM is cached, devices and the VGA's window are not, ROMs are write-protected.
  func setMemoryTypes() {
    let uncached: UInt64 = 0
    let writeProtected: UInt64 = 0x0505_0505_0505_0505
    let writeBack: UInt64 = 0x0606_0606_0606_0606
    // 64 KiB each up to 512 KiB, 16 KiB each up to 768 KiB, 4 KiB each up to 1 MiB.
    state.pointee.mtrrFixed[0] = writeBack
    state.pointee.mtrrFixed[1] = writeBack
    state.pointee.mtrrFixed[2] = uncached
    for index in 3..<11 { state.pointee.mtrrFixed[index] = writeProtected }
    let hole = PhysicalMemory.highStart - PhysicalMemory.holeStart
    let valid: UInt64 = 1 << 11
    state.pointee.mtrrVariable[0] = PhysicalMemory.holeStart | uncached
    state.pointee.mtrrVariable[1] = (1 << PhysicalAddress.width - 1) & ~(hole - 1) | valid
    // Both kinds are on, and what they leave out is cached.
    state.pointee.mtrrDefaultType = 1 << 11 | 1 << 10 | 6
  }

  private func loadSegments(_ entry: KernelEntry) {
    let attributes = entry.mode == .protected ? Attributes.code32 : Attributes.code64
    self[.cs] = SegmentRegister(
      selector: entry.code, attributes: attributes, limit: .max, base: 0)
    for name in [SegmentName.ds, .es, .ss, .fs, .gs] {
      self[name] = SegmentRegister(
        selector: entry.data, attributes: Attributes.data, limit: .max, base: 0)
    }
    self[.ldtr] = .null
    self[.tr] = SegmentRegister(
      selector: entry.task, attributes: Attributes.busyTaskState, limit: 0x67,
      base: BootLayout.taskState)
    state.pointee.gdtr = DescriptorTableRegister(
      base: entry.descriptorAddress,
      limit: UInt16(truncatingIfNeeded: entry.descriptorCount * 8 - 1)
    )
    state.pointee.idtr = DescriptorTableRegister(base: 0, limit: 0)
    state.pointee.cpl = 0
  }

  private func finish(_ entry: UInt64) {
    rflags = .alwaysOne
    state.pointee.activity = Activity.running.rawValue
    state.pointee.rip = entry
    state.pointee.nextRIP = entry
    updateMode()
  }
}

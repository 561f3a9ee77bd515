/// A processor: a pointer to its state, and every instruction as a method.
///
/// Copying a `CPU` copies the pointer, not the processor. The state belongs to the `Processor`
/// that allocated it.
public struct CPU {
  /// The state block.
  public let state: UnsafeMutablePointer<CPUState>

  @inline(__always) init(_ raw: UnsafeMutableRawPointer) {
    state = raw.assumingMemoryBound(to: CPUState.self)
  }

  @inline(__always) init(state: UnsafeMutablePointer<CPUState>) { self.state = state }

  /// A general register, all 64 bits.
  @inline(__always) public subscript(register: Register) -> UInt64 {
    get { self[Int(register.rawValue)] }
    nonmutating set { self[Int(register.rawValue)] = newValue }
  }

  /// A general register or register slot by number, all 64 bits.
  @inline(__always) public subscript(number: Int) -> UInt64 {
    get {
      UnsafeRawPointer(state).load(fromByteOffset: number &* 8, as: UInt64.self)
    }
    nonmutating set {
      UnsafeMutableRawPointer(state).storeBytes(
        of: newValue, toByteOffset: number &* 8, as: UInt64.self)
    }
  }

  /// The flags register with every bit exact.
  public var rflags: RFLAGS {
    get {
      materializeFlags()
      return RFLAGS(rawValue: state.pointee.rflags)
    }
    nonmutating set {
      state.pointee.lazyKind = LazyFlags.none
      state.pointee.rflags = newValue.rawValue
    }
  }

  /// CR0.
  @inline(__always) public var cr0: CR0 { CR0(rawValue: state.pointee.cr0) }
  /// CR4.
  @inline(__always) public var cr4: CR4 { CR4(rawValue: state.pointee.cr4) }
  /// IA32_EFER.
  @inline(__always) public var efer: EFER { EFER(rawValue: state.pointee.efer) }
  /// The current privilege level.
  @inline(__always) public var cpl: UInt8 { state.pointee.cpl }
  /// The mode that instructions are decoded in.
  @inline(__always) public var mode: ExecutionMode { state.pointee.mode }
  /// Whether the processor executes 64-bit code.
  @inline(__always) public var isLongMode: Bool { state.pointee.mode.contains(.long) }
  /// Whether IA-32e mode is active, in 64-bit or compatibility mode.
  @inline(__always) public var isIA32e: Bool { efer.contains(.longModeActive) }

  /// A segment register with its hidden part.
  ///
  /// Set it through `loadSegment` unless the instruction defines the hidden part itself.
  @inline(__always) public subscript(segment: SegmentName) -> SegmentRegister {
    get { state.pointee.segments[Int(segment.rawValue)] }
    nonmutating set { state.pointee.segments[Int(segment.rawValue)] = newValue }
  }

  /// Whether a linear address is canonical in the paging mode in force.
  @inline(__always) package func isCanonical(_ address: LinearAddress) -> Bool {
    isCanonical(address, unusedBits: state.pointee.unusedAddressBits)
  }

  /// Whether a base that is loaded into a register is canonical: as wide as the processor has
  /// linear addresses, whatever the paging mode.
  func isCanonicalBase(_ base: UInt64) -> Bool {
    isCanonical(LinearAddress(base), unusedBits: has(.la57) ? 7 : 16)
  }

  @inline(__always)
  private func isCanonical(_ address: LinearAddress, unusedBits: UInt64) -> Bool {
    let shift = Int64(truncatingIfNeeded: unusedBits)
    let extended = (Int64(bitPattern: address.value) &<< shift) &>> shift
    return UInt64(bitPattern: extended) == address.value
  }

  @inline(__always) var connections: CPUConnections {
    state.pointee.connections._withUnsafeGuaranteedRef { $0 }
  }

  /// Asks the interrupt source something, without counting a reference to it.
  @inline(__always)
  func withInterrupts<R>(_ body: (any InterruptSource) -> R) -> R {
    state.pointee.connections._withUnsafeGuaranteedRef { body($0.interrupts) }
  }

  /// Instructions retired since reset, counting each iteration of a repeated string instruction.
  public var instructionCount: UInt64 {
    state.pointee.budgetEnd &- UInt64(bitPattern: state.pointee.budget)
  }

  /// Virtual nanoseconds since reset: one an instruction, plus the time slept through.
  public var now: UInt64 {
    instructionCount &+ state.pointee.connections._withUnsafeGuaranteedRef { $0.skippedTime }
  }

  /// Makes the state agree with CS, SS, CPL, CR0, EFER and RFLAGS after any of them changed.
  ///
  /// Everybody who changes one of these calls it before the instruction completes.
  public func updateMode() {
    var mode: ExecutionMode = []
    if !cr0.contains(.protectionEnable) {
      // In real-address mode CS is writable, whatever it was.
      self[.cs].attributes = self[.cs].attributes & ~0x9F | 0x93
    }
    let code = self[.cs]
    if efer.contains(.longModeActive) && code.isLong {
      mode.insert([.long, .bigStack, .flat])
    } else {
      if code.isBig { mode.insert(.big) }
      if self[.ss].isBig { mode.insert(.bigStack) }
      if hasFlatSegments { mode.insert(.flat) }
    }
    if state.pointee.cpl == 3 { mode.insert(.user) }
    if !cr0.contains(.protectionEnable) { mode.insert(.real) }
    if state.pointee.rflags & RFLAGS.virtual8086.rawValue != 0 { mode.insert(.virtual8086) }
    state.pointee.mode = mode
    state.pointee.unusedAddressBits = cr4.contains(.linearAddresses57) ? 7 : 16
    if !mode.contains(.long) { updateWindows() }
    let segment = codeSegmentNumber
    state.pointee.jumpKey =
      state.pointee.jumpKey & ~(JumpKey.epoch - 1) | segment << 8 | UInt64(mode.rawValue)
    selectTLBBank()
    updateWatching()
  }

  /// Makes `CPUState.segmentWindows` agree with the segments.
  private func updateWindows() {
    for index in 0..<6 {
      let segment = state.pointee.segments[index]
      var window = SegmentWindow(base: segment.base)
      let expandsDown = segment.isConformingOrExpandDown && !segment.isCode
      if segment.isPresent && !expandsDown {
        let end = UInt64(segment.limit) + 1
        let isOpen = segment.isWritableOrReadable
        if !segment.isCode || isOpen { window.readEnd = end }
        if !segment.isCode && isOpen { window.writeEnd = end }
      }
      state.pointee.segmentWindows[index] = window
    }
  }

  private var hasFlatSegments: Bool {
    for name in [SegmentName.cs, .ss, .ds, .es] {
      let segment = self[name]
      if segment.base != 0 || segment.limit != .max || !segment.isPresent { return false }
      // Only plain writable data: an offset is an address, whatever the access.
      if name != .cs && segment.attributes & 0xE != 0x2 { return false }
    }
    return true
  }
}

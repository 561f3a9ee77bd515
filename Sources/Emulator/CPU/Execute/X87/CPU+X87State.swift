extension CPU {
  /// TOP.
  @inline(__always) var x87Top: Int {
    get { Int(state.pointee.x87Status >> X87Status.topShift & 7) }
    nonmutating set {
      state.pointee.x87Status =
        state.pointee.x87Status & ~X87Status.topMask
        | UInt16(truncatingIfNeeded: newValue & 7) << X87Status.topShift
    }
  }

  /// The physical register that ST(i) names.
  @inline(__always) func physicalX87(_ i: Int) -> Int { (x87Top &+ i) & 7 }

  /// Sets the control word; bit 6 always reads as one.
  package func setX87Control(_ value: UInt16) {
    state.pointee.x87Control = value & 0x1F3F | 0x40
    updateExceptionSummary()
  }

  /// Sets the status word; ES and B follow from the flags and the masks.
  package func setX87Status(_ value: UInt16) {
    state.pointee.x87Status = value
    updateExceptionSummary()
  }

  /// ES and B: whether an exception that is not masked waits for the next instruction.
  func updateExceptionSummary() {
    let summary = X87Status.exceptionSummary | X87Status.busy
    let waits = state.pointee.x87Status & ~state.pointee.x87Control & 0x3F != 0
    state.pointee.x87Status = state.pointee.x87Status & ~summary | (waits ? summary : 0)
  }

  /// The tag of a physical register that is not empty, from what it holds.
  func contentTag(_ register: Int) -> UInt16 {
    let exponent = state.pointee.x87Exponents[register] & 0x7FFF
    let significand = state.pointee.x87Significands[register]
    if exponent == 0 && significand == 0 { return 1 }
    return exponent == 0 || exponent == 0x7FFF || significand >> 63 == 0 ? 2 : 0
  }

  /// Whether a physical register is empty.
  @inline(__always) func isEmptyX87(_ register: Int) -> Bool {
    state.pointee.x87Tags >> UInt16(register &* 2) & 3 == 3
  }

  /// Marks a physical register as empty or in use; the tag of one in use is found when it is read.
  @inline(__always) func setEmptyX87(_ register: Int, _ isEmpty: Bool) {
    let bits: UInt16 = 3 << UInt16(register &* 2)
    state.pointee.x87Tags = state.pointee.x87Tags & ~bits | (isEmpty ? bits : 0)
  }

  /// The tag word as FSTENV stores it.
  ///
  /// SDM volume 1, "x87 FPU Tag Word".
  package var x87TagWord: UInt16 {
    var word: UInt16 = 0
    for register in 0..<8 {
      let tag = isEmptyX87(register) ? 3 : contentTag(register)
      word |= tag << UInt16(register &* 2)
    }
    return word
  }

  /// Loads the tag word: only "empty" counts, the rest follows from the registers.
  package func setX87TagWord(_ word: UInt16) {
    for register in 0..<8 {
      setEmptyX87(register, word >> UInt16(register &* 2) & 3 == 3)
    }
  }

  /// The tags as FXSAVE stores them: a bit set for every register in use.
  var abridgedTags: UInt8 {
    var tags: UInt8 = 0
    for register in 0..<8 where !isEmptyX87(register) { tags |= 1 << UInt8(register) }
    return tags
  }

  /// Loads the tags that FXSAVE stored.
  func setAbridgedTags(_ tags: UInt8) {
    for register in 0..<8 { setEmptyX87(register, tags >> UInt8(register) & 1 == 0) }
  }
}

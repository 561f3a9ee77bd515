extension CPU {
  /// What the register ST(i) holds.
  func x87Pattern(_ i: Int) -> ExtendedPattern {
    let register = physicalX87(i)
    return ExtendedPattern(
      signExponent: state.pointee.x87Exponents[register],
      significand: state.pointee.x87Significands[register])
  }

  /// Sets ST(i), which is in use afterwards.
  func setST(_ i: Int, _ pattern: ExtendedPattern) {
    let register = physicalX87(i)
    state.pointee.x87Exponents[register] = pattern.signExponent
    state.pointee.x87Significands[register] = pattern.significand
    setEmptyX87(register, false)
  }

  /// Sets ST(i) to a datum rounded to the extended format.
  func setST(_ i: Int, _ value: UnpackedFloat) { setST(i, value.extended) }

  /// ST(i) taken apart, or nil where it is empty.
  func st(_ i: Int) -> UnpackedFloat? {
    isEmptyX87(physicalX87(i)) ? nil : UnpackedFloat(x87Pattern(i))
  }

  /// Whether ST(i) is empty.
  func isEmptyST(_ i: Int) -> Bool { isEmptyX87(physicalX87(i)) }

  /// Pushes onto the register stack.
  func pushX87(_ pattern: ExtendedPattern) {
    x87Top = x87Top &- 1
    setST(0, pattern)
  }

  /// Pops the register stack.
  func popX87() {
    setEmptyX87(physicalX87(0), true)
    x87Top = x87Top &+ 1
  }

  /// Pops `count` registers.
  func popX87(_ count: Int) {
    for _ in 0..<count { popX87() }
  }

  /// Pushes where the register is free; else raises stack overflow, whose masked response pushes
  /// the default NaN.
  func pushChecked(_ pattern: ExtendedPattern) {
    if isEmptyST(7) {
      setConditionC1(false)
      pushX87(pattern)
    } else if raiseStackFault(isOverflow: true) {
      pushX87(.indefinite)
    }
  }

  /// Raises the stack fault form of invalid operation; whether it is masked.
  ///
  /// SDM volume 1, "Stack Overflow or Underflow Exception (#IS)".
  func raiseStackFault(isOverflow: Bool) -> Bool {
    setConditionC1(isOverflow)
    state.pointee.x87Status |= X87Status.stackFault | FloatingPointExceptions.invalid.rawValue
    updateExceptionSummary()
    return state.pointee.x87Control & FloatingPointExceptions.invalid.rawValue != 0
  }

  /// Sets or clears C1.
  func setConditionC1(_ isSet: Bool) {
    state.pointee.x87Status =
      state.pointee.x87Status & ~X87Status.c1 | (isSet ? X87Status.c1 : 0)
  }

  /// Sets C3, C2 and C0, leaving C1.
  func setConditions(_ conditions: UInt16) {
    let mask = X87Status.c0 | X87Status.c2 | X87Status.c3
    state.pointee.x87Status = state.pointee.x87Status & ~mask | conditions & mask
  }

  /// The environment of x87 arithmetic; with `usesPrecisionControl` of the instructions that PC
  /// governs.
  ///
  /// SDM volume 1, "Precision Control Field".
  func x87Environment(usesPrecisionControl: Bool = false) -> FloatingPointEnvironment {
    var environment = FloatingPointEnvironment(x87Control: state.pointee.x87Control)
    if usesPrecisionControl {
      switch state.pointee.x87Control >> 8 & 3 {
      case 0: environment.format.precision = 24
      case 2: environment.format.precision = 53
      default: break
      }
    }
    return environment
  }

  /// Records what an operation met; whether its result is to be stored.
  @discardableResult
  func commitX87(_ environment: FloatingPointEnvironment) -> Bool {
    let stops = !environment.unmasked.isDisjoint(with: .preComputation)
    var flags = environment.flags
    if stops { flags.formIntersection(.preComputation) }
    setConditionC1(environment.roundedUp && !stops)
    state.pointee.x87Status |= flags.rawValue
    updateExceptionSummary()
    return !stops
  }
}

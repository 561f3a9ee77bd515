extension CPU {
  /// An instruction with a memory operand: FADD, FMUL, FCOM, FCOMP, FSUB, FSUBR, FDIV or FDIVR by
  /// the `reg` field, and their integer forms.
  func arithmetic(
    _ i: borrowing Instruction, _ reg: UInt8, with operand: UnpackedFloat
  ) throws(Exception) {
    switch reg {
    case 2, 3: fcom(operand, pops: reg == 3 ? 1 : 0, signalsQuietNaN: true)
    default: arithmetic(reg, operand, destination: 0, pops: false)
    }
  }

  /// ST(destination) := ST(0) op operand, operands swapped in FSUBR's and FDIVR's `reg` fields.
  ///
  /// An operand that is nil is an empty register.
  func arithmetic(_ reg: UInt8, _ operand: UnpackedFloat?, destination: Int, pops: Bool) {
    guard let a = st(0), let b = operand else {
      guard raiseStackFault(isOverflow: false) else { return }
      setST(destination, .indefinite)
      if pops { popX87() }
      return
    }
    var environment = x87Environment(usesPrecisionControl: true)
    let result =
      switch reg {
      case 0: environment.add(a, b)
      case 1: environment.multiply(a, b)
      case 4: environment.add(a, b, subtracting: true)
      case 5: environment.add(b, a, subtracting: true)
      case 6: environment.divide(a, b)
      default: environment.divide(b, a)
      }
    guard commitX87(environment) else { return }
    setST(destination, result)
    if pops { popX87() }
  }

  /// ST(0) := f(ST(0)).
  func transform(
    usesPrecisionControl: Bool = false,
    _ operation: (inout FloatingPointEnvironment, UnpackedFloat) -> UnpackedFloat
  ) {
    guard let a = st(0) else {
      if raiseStackFault(isOverflow: false) { setST(0, .indefinite) }
      return
    }
    var environment = x87Environment(usesPrecisionControl: usesPrecisionControl)
    let result = operation(&environment, a)
    if commitX87(environment) { setST(0, result) }
  }

  /// FCHS, FABS: of any datum, NaNs included.
  func changeSign(_ operation: (UInt16) -> UInt16) {
    if isEmptyST(0) {
      if raiseStackFault(isOverflow: false) { setST(0, .indefinite) }
      return
    }
    setConditionC1(false)
    let register = physicalX87(0)
    state.pointee.x87Exponents[register] = operation(state.pointee.x87Exponents[register])
  }

  /// FSQRT.
  func fsqrt() { transform(usesPrecisionControl: true) { $0.squareRoot($1) } }

  /// FRNDINT.
  func frndint() { transform { $0.integral($1) } }

  /// FSCALE.
  func fscale() {
    guard let scale = st(1), st(0) != nil else {
      if raiseStackFault(isOverflow: false) { setST(0, .indefinite) }
      return
    }
    transform { $0.scale($1, by: scale) }
  }

  /// FPREM, and FPREM1 where the quotient is rounded to nearest.
  func fprem(roundsToNearest: Bool) {
    state.pointee.x87Status &= ~X87Status.c2
    guard let a = st(0), let b = st(1) else {
      if raiseStackFault(isOverflow: false) { setST(0, .indefinite) }
      return
    }
    var environment = x87Environment()
    let (remainder, quotient) = environment.remainder(a, b, roundsToNearest: roundsToNearest)
    guard commitX87(environment) else { return }
    setST(0, remainder)
    if remainder.isNaN { return }
    guard let quotient else {
      setConditions(X87Status.c2)
      return setConditionC1(false)
    }
    setConditions(
      (quotient & 4 != 0 ? X87Status.c0 : 0) | (quotient & 2 != 0 ? X87Status.c3 : 0))
    setConditionC1(quotient & 1 != 0)
  }

  /// FXTRACT.
  func fxtract() {
    guard let a = st(0) else { return underflowPushing() }
    guard isEmptyST(7) else { return overflowPushing() }
    var environment = x87Environment()
    let (exponent, significand) = environment.extract(a)
    guard commitX87(environment) else { return }
    setST(0, exponent)
    pushX87(significand.extended)
  }

  /// The masked response of an instruction that replaces ST(0) and pushes, ST(0) being empty.
  func underflowPushing() {
    guard raiseStackFault(isOverflow: false) else { return }
    setST(0, .indefinite)
    pushX87(.indefinite)
  }

  /// The same where there is no room to push.
  func overflowPushing() {
    guard raiseStackFault(isOverflow: true) else { return }
    setST(0, .indefinite)
    pushX87(.indefinite)
  }
}

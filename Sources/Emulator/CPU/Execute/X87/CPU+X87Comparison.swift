extension CPU {
  /// FCOM, FUCOM and their popping forms, with ST(n).
  func fcom(_ n: Int, pops: Int, signalsQuietNaN: Bool) {
    fcom(st(n), pops: pops, signalsQuietNaN: signalsQuietNaN)
  }

  /// The same with an operand from memory; nil is an empty register.
  func fcom(_ operand: UnpackedFloat?, pops: Int, signalsQuietNaN: Bool) {
    guard let a = st(0), let b = operand else {
      setConditions(X87Status.conditions)
      if raiseStackFault(isOverflow: false) { popX87(pops) }
      return
    }
    var environment = x87Environment()
    let comparison = environment.compare(a, b, signalsQuietNaN: signalsQuietNaN)
    let stores = commitX87(environment)
    setConditions(Self.conditions(comparison))
    if stores { popX87(pops) }
  }

  private static func conditions(_ comparison: FloatingPointEnvironment.Comparison) -> UInt16 {
    switch comparison {
    case .greater: 0
    case .less: X87Status.c0
    case .equal: X87Status.c3
    case .unordered: X87Status.c0 | X87Status.c2 | X87Status.c3
    }
  }

  /// FCOMI, FCOMIP, FUCOMI, FUCOMIP.
  func fcomi(_ n: Int, pops: Bool, signalsQuietNaN: Bool) {
    guard let a = st(0), let b = st(n) else {
      setComparisonFlags(.unordered)
      if raiseStackFault(isOverflow: false) && pops { popX87() }
      return
    }
    var environment = x87Environment()
    let comparison = environment.compare(a, b, signalsQuietNaN: signalsQuietNaN)
    let stores = commitX87(environment)
    setComparisonFlags(comparison)
    if stores && pops { popX87() }
  }

  /// FTST.
  func ftst() { fcom(.zero(isNegative: false), pops: 0, signalsQuietNaN: true) }

  /// FXAM.
  func fxam() {
    let pattern = x87Pattern(0)
    setConditionC1(pattern.signExponent >> 15 != 0)
    guard let a = st(0) else { return setConditions(X87Status.c3 | X87Status.c0) }
    let conditions =
      switch a.kind {
      case .unsupported: UInt16(0)
      case .quietNaN, .signalingNaN: X87Status.c0
      case .infinity: X87Status.c2 | X87Status.c0
      case .zero: X87Status.c3
      case .finite: a.isDenormal ? X87Status.c3 | X87Status.c2 : X87Status.c2
      }
    setConditions(conditions)
  }
}

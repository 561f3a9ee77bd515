extension CPU {
  /// F2XM1.
  func f2xm1() { transform { $0.exponentialMinusOne($1) } }

  /// FYL2X.
  func fyl2x() { combineAndPop { $0.logarithm($1, times: $2) } }

  /// FYL2XP1.
  func fyl2xp1() { combineAndPop { $0.logarithmOfOnePlus($1, times: $2) } }

  /// FPATAN.
  func fpatan() { combineAndPop { $0.arctangent($2, over: $1) } }

  /// ST(1) := f(ST(0), ST(1)), then a pop.
  private func combineAndPop(
    _ operation: (inout FloatingPointEnvironment, UnpackedFloat, UnpackedFloat) -> UnpackedFloat
  ) {
    guard let x = st(0), let y = st(1) else {
      guard raiseStackFault(isOverflow: false) else { return }
      setST(1, .indefinite)
      return popX87()
    }
    var environment = x87Environment()
    let result = operation(&environment, x, y)
    guard commitX87(environment) else { return }
    setST(1, result)
    popX87()
  }

  /// FSIN.
  func fsin() {
    trigonometric {
      $0.sineAndCosine($1, wantsSine: true, wantsCosine: false).map { ($0.sine, nil) }
    }
  }

  /// FCOS.
  func fcos() {
    trigonometric {
      $0.sineAndCosine($1, wantsSine: false, wantsCosine: true).map { ($0.cosine, nil) }
    }
  }

  /// FSINCOS.
  func fsincos() {
    guard checkRoomToPush() else { return }
    trigonometric {
      $0.sineAndCosine($1, wantsSine: true, wantsCosine: true).map { ($0.sine, $0.cosine) }
    }
  }

  /// FPTAN.
  func fptan() {
    guard checkRoomToPush() else { return }
    trigonometric { environment, a in
      environment.tangent(a).map { ($0, $0.isNaN ? $0 : UnpackedFloat(1)) }
    }
  }

  /// Whether ST(0) is there and one more register free; if not the stack fault has been raised.
  private func checkRoomToPush() -> Bool {
    if st(0) == nil {
      underflowPushing()
    } else if !isEmptyST(7) {
      overflowPushing()
    } else {
      return true
    }
    state.pointee.x87Status &= ~X87Status.c2
    return false
  }

  /// Replaces ST(0) and perhaps pushes; C2 tells that the argument was out of range.
  private func trigonometric(
    _ operation: (inout FloatingPointEnvironment, UnpackedFloat) -> (
      first: UnpackedFloat, pushed: UnpackedFloat?
    )?
  ) {
    state.pointee.x87Status &= ~X87Status.c2
    guard let a = st(0) else {
      if raiseStackFault(isOverflow: false) { setST(0, .indefinite) }
      return
    }
    var environment = x87Environment()
    guard let result = operation(&environment, a) else {
      setConditionC1(false)
      state.pointee.x87Status |= X87Status.c2
      return
    }
    guard commitX87(environment) else { return }
    setST(0, result.first)
    if let pushed = result.pushed { pushX87(pushed.extended) }
  }
}

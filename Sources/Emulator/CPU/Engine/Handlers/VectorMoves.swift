// Fast plumbing of moves between vector registers, memory and general registers.

/// MOVUPS, MOVDQU, MOVAPS, MOVDQA and their like from memory.
@inline(__always)
func vectorLoad<E: VectorEncoding>(
  _: E.Type, aligned: Bool, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let isMisaligned = aligned && address & UInt64(E.lanes &* 16 &- 1) != 0
  if _slowPath(!E.isAllowed(s) || isMisaligned) { return slowly(s, op) }
  let (hit, host) = readable(s, address, E.Memory.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  setVector(E.self, s, op.pointee.a, vectorMemory(E.self, host))
  next(s, op + 1)
}

/// The same to memory.
@inline(__always)
func vectorStore<E: VectorEncoding>(
  _: E.Type, aligned: Bool, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let isMisaligned = aligned && address & UInt64(E.lanes &* 16 &- 1) != 0
  if _slowPath(!E.isAllowed(s) || isMisaligned) { return slowly(s, op) }
  let (hit, host) = writable(s, address, E.Memory.self)
  if _slowPath(!hit) { return missWrite(s, op, address) }
  host.storeBytes(of: lane(vectorRegister(s, op.pointee.a)), as: UInt128.self)
  if E.lanes == 2 {
    (host + 16).storeBytes(of: lane(upperRegister(s, op.pointee.a)), as: UInt128.self)
  }
  next(s, op + 1)
}

/// The same between registers.
@inline(__always)
func vectorMove<E: VectorEncoding>(_: E.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  if _slowPath(!E.isAllowed(s)) { return slowly(s, op) }
  setVector(E.self, s, op.pointee.a, secondSource(E.self, s, op))
  next(s, op + 1)
}

/// MOVD, MOVQ, MOVSS, MOVSD from memory: zeros above.
@inline(__always)
func scalarLoad<T: Width, E: VectorEncoding>(
  _: T.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  if _slowPath(!E.isAllowed(s)) { return slowly(s, op) }
  let (hit, host) = readable(s, address, T.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  let value = UInt64(truncatingIfNeeded: host.loadUnaligned(as: T.self))
  setVector(E.self, s, op.pointee.a, Vector(low: UInt128(value)))
  next(s, op + 1)
}

/// MOVD, MOVQ, MOVSS, MOVSD, MOVLPS to memory.
@inline(__always)
func scalarStore<T: Width, E: VectorEncoding>(
  _: T.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  if _slowPath(!E.isAllowed(s)) { return slowly(s, op) }
  let (hit, host) = writable(s, address, T.self)
  if _slowPath(!hit) { return missWrite(s, op, address) }
  host.storeBytes(of: vectorRegister(s, op.pointee.a).loadUnaligned(as: T.self), as: T.self)
  next(s, op + 1)
}

/// MOVHPS, MOVHPD to memory.
@inline(__always)
func highStore<E: VectorEncoding>(_: E.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  if _slowPath(!E.isAllowed(s)) { return slowly(s, op) }
  let (hit, host) = writable(s, address, UInt64.self)
  if _slowPath(!hit) { return missWrite(s, op, address) }
  let half = (vectorRegister(s, op.pointee.a) + 8).loadUnaligned(as: UInt64.self)
  host.storeBytes(of: half, as: UInt64.self)
  next(s, op + 1)
}

/// MOVLPS, MOVLPD, MOVHPS, MOVHPD from memory: the other half is the first source's.
@inline(__always)
func halfLoad<E: VectorEncoding>(
  _: E.Type, isHigh: Bool, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  if _slowPath(!E.isAllowed(s)) { return slowly(s, op) }
  let (hit, host) = readable(s, address, UInt64.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  let half = host.loadUnaligned(as: UInt64.self)
  let first = firstSource(E.self, s, op).low
  let low =
    isHigh ? UInt128(low: first.low, high: half) : UInt128(low: half, high: first.high)
  setVector(E.self, s, op.pointee.a, Vector(low: low))
  next(s, op + 1)
}

/// MOVSS, MOVSD between registers: the low element of rm above which the first source stays.
@inline(__always)
func scalarMove<T: Width, E: VectorEncoding>(
  _: T.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  if _slowPath(!E.isAllowed(s)) { return slowly(s, op) }
  let value = vectorRegister(s, op.pointee.b).loadUnaligned(as: T.self)
  setScalar(E.self, s, op, value)
  next(s, op + 1)
}

/// Sets the destination to the first source with `value` in its low bits.
@inline(__always)
func setScalar<T: Width, E: VectorEncoding>(
  _: E.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>, _ value: T
) {
  if E.isVEX { setVector(E.self, s, op.pointee.a, firstSource(E.self, s, op)) }
  vectorRegister(s, op.pointee.a).storeBytes(of: value, as: T.self)
}

/// MOVD, MOVQ from a general register, whose number times eight is in `b`.
@inline(__always)
func vectorFromGeneral<T: Width, E: VectorEncoding>(
  _: T.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  if _slowPath(!E.isAllowed(s)) { return slowly(s, op) }
  let value = UInt64(truncatingIfNeeded: register(s, op.pointee.b, as: T.self))
  setVector(E.self, s, op.pointee.a, Vector(low: UInt128(value)))
  next(s, op + 1)
}

/// MOVD, MOVQ to a general register, whose number times eight is in `b`.
@inline(__always)
func generalFromVector<T: Width, E: VectorEncoding>(
  _: T.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  if _slowPath(!E.isAllowed(s)) { return slowly(s, op) }
  setRegister(s, op.pointee.b, vectorRegister(s, op.pointee.a).loadUnaligned(as: T.self))
  next(s, op + 1)
}

/// MOVQ between registers, opcode F3 0F 7E: zeros above.
@inline(__always)
func quadwordMove<E: VectorEncoding>(_: E.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  if _slowPath(!E.isAllowed(s)) { return slowly(s, op) }
  let value = vectorRegister(s, op.pointee.b).loadUnaligned(as: UInt64.self)
  setVector(E.self, s, op.pointee.a, Vector(low: UInt128(value)))
  next(s, op + 1)
}

/// PMOVMSKB: the destination is a general register, its number times eight in `a`.
@inline(__always)
func signMask<E: VectorEncoding>(_: E.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  if _slowPath(!E.isAllowed(s)) { return slowly(s, op) }
  let source = secondSource(E.self, s, op)
  var mask = PackedInteger.signMask(source.low)
  if E.lanes == 2 { mask |= PackedInteger.signMask(source.high) &<< 16 }
  setRegister(s, op.pointee.a, mask)
  next(s, op + 1)
}

/// VZEROUPPER.
@inline(__always)
func zeroUpper(_ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  if _slowPath(!NarrowVector.isAllowed(s)) { return slowly(s, op) }
  for number in 0..<16 as Range<UInt8> {
    upperRegister(s, number &* 16).storeBytes(of: 0, as: UInt128.self)
  }
  next(s, op + 1)
}

// Fast plumbing of floating-point arithmetic: only where the host's arithmetic is provably the
// processor's (`FloatingPointEnvironment.computeOnHost`), else the slow method.

/// An operation of two elements, named for a handler.
protocol ScalarOperation {
  static var operation: ElementOperation { get }
}

enum Sum: ScalarOperation {
  @inline(__always) static var operation: ElementOperation { .add }
}
enum Product: ScalarOperation {
  @inline(__always) static var operation: ElementOperation { .multiply }
}
enum Difference: ScalarOperation {
  @inline(__always) static var operation: ElementOperation { .subtract }
}
enum Quotient: ScalarOperation {
  @inline(__always) static var operation: ElementOperation { .divide }
}
enum Minimum: ScalarOperation {
  @inline(__always) static var operation: ElementOperation { .minimum }
}
enum Maximum: ScalarOperation {
  @inline(__always) static var operation: ElementOperation { .maximum }
}

/// Whether results may be inexact without anything to record.
@inline(__always) func allowsHostArithmetic(_ s: StatePointer) -> Bool {
  FloatingPointEnvironment.allowsHostArithmetic(mxcsr: CPU(s).state.pointee.mxcsr)
}

/// ADDSS, ADDSD and their like.
@inline(__always)
func scalarArithmetic<O: ScalarOperation, F: InterchangeFormat, E: VectorEncoding>(
  _: O.Type, _: F.Type, _: E.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>,
  _ y: F.Pattern
) where F.Pattern: Width {
  let c = UInt8(truncatingIfNeeded: op.pointee.immediate)
  let x = vectorRegister(s, c).loadUnaligned(as: F.Pattern.self)
  guard E.isAllowed(s), allowsHostArithmetic(s),
    let value = FloatingPointEnvironment.computeOnHost(
      O.operation, x, y, as: F.self)
  else { return slowly(s, op) }
  setScalar(E.self, s, op, value)
  next(s, op + 1)
}

@inline(__always)
func scalarRR<O: ScalarOperation, F: InterchangeFormat, E: VectorEncoding>(
  _: O.Type, _: F.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) where F.Pattern: Width {
  let op = UnsafePointer<Operation>(o)
  let y = vectorRegister(s, op.pointee.b).loadUnaligned(as: F.Pattern.self)
  scalarArithmetic(O.self, F.self, E.self, s, op, y)
}

@inline(__always)
func scalarRM<O: ScalarOperation, F: InterchangeFormat, E: VectorEncoding>(
  _: O.Type, _: F.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) where F.Pattern: Width {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, F.Pattern.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  scalarArithmetic(O.self, F.self, E.self, s, op, host.loadUnaligned(as: F.Pattern.self))
}

/// COMISS, UCOMISS, COMISD, UCOMISD of zeros and normals, which raise nothing.
@inline(__always)
func compareOrdinary<F: InterchangeFormat, E: VectorEncoding>(
  _: F.Type, _: E.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>, _ b: F.Pattern
) {
  let a = vectorRegister(s, op.pointee.a).loadUnaligned(as: F.Pattern.self)
  guard E.isAllowed(s), F.isOrdinary(a), F.isOrdinary(b) else { return slowly(s, op) }
  let (x, y) = (F(bitPattern: a), F(bitPattern: b))
  setStatus(s, x < y ? StatusFlags.carry : (x == y ? StatusFlags.zero : 0))
  next(s, op + 1)
}

@inline(__always)
func compareRR<F: InterchangeFormat, E: VectorEncoding>(
  _: F.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let b = vectorRegister(s, op.pointee.b).loadUnaligned(as: F.Pattern.self)
  compareOrdinary(F.self, E.self, s, op, b)
}

@inline(__always)
func compareRM<F: InterchangeFormat, E: VectorEncoding>(
  _: F.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  let (hit, host) = readable(s, address, F.Pattern.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  compareOrdinary(F.self, E.self, s, op, host.loadUnaligned(as: F.Pattern.self))
}

/// CVTSI2SD and CVTSI2SS from a general register, its number times eight in `b`: where the integer
/// is a number of the format, which raises nothing.
@inline(__always)
func fromIntegerR<I: FixedWidthInteger & SignedInteger, F: InterchangeFormat, E: VectorEncoding>(
  _: I.Type, _: F.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) where F.Pattern: Width {
  let op = UnsafePointer<Operation>(o)
  let source = Int64(truncatingIfNeeded: register(s, op.pointee.b, as: I.self))
  let limit: Int64 = 1 &<< Int64(F.format.precision)
  let isExact = source >= 0 &- limit && source <= limit
  if _slowPath(!E.isAllowed(s) || !isExact) { return slowly(s, op) }
  setScalar(E.self, s, op, F(Int(source)).bitPattern)
  next(s, op + 1)
}

/// CVTTSD2SI and CVTTSS2SI into a general register, its number times eight in `a`.
@inline(__always)
func toIntegerRR<T: Width, F: InterchangeFormat, E: VectorEncoding>(
  _: T.Type, _: F.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) {
  let op = UnsafePointer<Operation>(o)
  let bits = vectorRegister(s, op.pointee.b).loadUnaligned(as: F.Pattern.self)
  let value = F(bitPattern: bits)
  let limit = F((T.bitWidth == 64 ? 1 &<< 62 : 1 &<< 30) as Int)
  guard E.isAllowed(s), allowsHostArithmetic(s), F.isOrdinary(bits), value > -limit, value < limit
  else { return slowly(s, op) }
  setRegister(s, op.pointee.a, T(truncatingIfNeeded: value.truncated))
  next(s, op + 1)
}

/// CVTSS2SD of zeros and normals, which is exact.
@inline(__always)
func widenRR<E: VectorEncoding>(_: E.Type, _ s: StatePointer, _ o: OperationPointer) {
  let op = UnsafePointer<Operation>(o)
  let bits = vectorRegister(s, op.pointee.b).loadUnaligned(as: UInt32.self)
  if _slowPath(!E.isAllowed(s) || !Float.isOrdinary(bits)) { return slowly(s, op) }
  setScalar(E.self, s, op, Double(Float(bitPattern: bits)).bitPattern)
  next(s, op + 1)
}

/// ADDPS, ADDPD and their like: all elements by the host, or none.
@inline(__always)
func arithmetic<O: ScalarOperation, F: InterchangeFormat, V: SIMD>(
  _: O.Type, _: F.Type, _: V.Type, _ a: UInt128, _ b: UInt128, _ isSafe: inout Bool
) -> UInt128 where V.Scalar == F.Pattern {
  let (x, y) = (a.elements(V.self), b.elements(V.self))
  var result = x
  for k in 0..<V.scalarCount {
    if let value = FloatingPointEnvironment.computeOnHost(O.operation, x[k], y[k], as: F.self) {
      result[k] = value
    } else {
      isSafe = false
    }
  }
  return UInt128(elements: result)
}

@inline(__always)
func packedArithmetic<O: ScalarOperation, F: InterchangeFormat, V: SIMD, E: VectorEncoding>(
  _: O.Type, _: F.Type, _: V.Type, _: E.Type, _ s: StatePointer, _ op: UnsafePointer<Operation>,
  _ b: Vector
) where V.Scalar == F.Pattern {
  let a = firstSource(E.self, s, op)
  var isSafe = E.isAllowed(s) && allowsHostArithmetic(s)
  var result = Vector(low: arithmetic(O.self, F.self, V.self, a.low, b.low, &isSafe))
  if E.lanes == 2 { result.high = arithmetic(O.self, F.self, V.self, a.high, b.high, &isSafe) }
  if _slowPath(!isSafe) { return slowly(s, op) }
  setVector(E.self, s, op.pointee.a, result)
  next(s, op + 1)
}

@inline(__always)
func packedArithmeticRR<O: ScalarOperation, F: InterchangeFormat, V: SIMD, E: VectorEncoding>(
  _: O.Type, _: F.Type, _: V.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) where V.Scalar == F.Pattern {
  let op = UnsafePointer<Operation>(o)
  packedArithmetic(O.self, F.self, V.self, E.self, s, op, secondSource(E.self, s, op))
}

@inline(__always)
func packedArithmeticRM<O: ScalarOperation, F: InterchangeFormat, V: SIMD, E: VectorEncoding>(
  _: O.Type, _: F.Type, _: V.Type, _: E.Type, _ s: StatePointer, _ o: OperationPointer
) where V.Scalar == F.Pattern {
  let op = UnsafePointer<Operation>(o)
  let address = effectiveAddress(s, op)
  if _slowPath(!E.isVEX && address & 15 != 0) { return slowly(s, op) }
  let (hit, host) = readable(s, address, E.Memory.self)
  if _slowPath(!hit) { return missRead(s, op, address) }
  packedArithmetic(O.self, F.self, V.self, E.self, s, op, vectorMemory(E.self, host))
}

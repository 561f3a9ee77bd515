/// An operation whose flags the engine may leave for later.
///
/// Its kind reproduces what `BinaryOperation.apply` says of them; a test holds the two together.
protocol LazyOperation: BinaryOperation {
  static var lazyOperation: LazyFlags.Operation { get }
}

extension ADD: LazyOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .add }
}

extension ADC: LazyOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .add }
}

extension SBB: LazyOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .sub }
}

extension SUB: LazyOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .sub }
}

extension CMP: LazyOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .sub }
}

extension AND: LazyOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .logic }
}

extension OR: LazyOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .logic }
}

extension XOR: LazyOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .logic }
}

extension TEST: LazyOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .logic }
}

/// INC or DEC: CF survives, so it must be in RFLAGS before.
protocol LazyUnaryOperation: UnaryOperation {
  static var lazyOperation: LazyFlags.Operation { get }
}

extension INC: LazyUnaryOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .inc }
}

extension DEC: LazyUnaryOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .dec }
}

/// SHL, SHR or SAR by a count that is not zero.
protocol LazyShiftOperation: ShiftOperation {
  static var lazyOperation: LazyFlags.Operation { get }
  /// The operand shifted by one less than the count, so that the next bit out is CF.
  static func allButLast<T: FixedWidthInteger & UnsignedInteger>(_ a: T, count: UInt8) -> T
}

extension LazyShiftOperation {
  @inline(__always)
  static func allButLast<T: FixedWidthInteger & UnsignedInteger>(_ a: T, count: UInt8) -> T {
    count == 1 ? a : apply(a, count: count &- 1, flags: 0).0
  }
}

extension SHL: LazyShiftOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .shl }
}

extension SHR: LazyShiftOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .shr }
}

extension SAR: LazyShiftOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .sar }
}

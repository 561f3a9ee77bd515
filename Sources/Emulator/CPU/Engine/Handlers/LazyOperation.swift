/// An operation whose flags the engine may leave for later.
///
/// Its kind reproduces what `BinaryOperation.apply` says of them; a test holds the two together.
protocol LazyOperation: BinaryOperation, FlagRecording {
  static var lazyOperation: LazyFlags.Operation { get }
}

/// Whether an operation's flags are kept at all.
protocol FlagRecording {
  static var recordsFlags: Bool { get }
}

extension FlagRecording {
  @inline(__always) static var recordsFlags: Bool { true }
}

/// `F` where its flags are overwritten before anybody can look.
enum Quiet<F: LazyOperation>: LazyOperation {
  @inline(__always) static var recordsFlags: Bool { false }
  @inline(__always) static var lazyOperation: LazyFlags.Operation { F.lazyOperation }
  @inline(__always) static var writesDestination: Bool { F.writesDestination }

  @inline(__always) static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, flags: UInt64
  ) -> (T, UInt64) { F.apply(a, b, flags: flags) }
}

/// INC or DEC whose flags are overwritten before anybody can look.
enum QuietStep<F: LazyUnaryOperation>: LazyUnaryOperation {
  @inline(__always) static var recordsFlags: Bool { false }
  @inline(__always) static var lazyOperation: LazyFlags.Operation { F.lazyOperation }

  @inline(__always) static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, flags: UInt64
  ) -> (T, UInt64) { F.apply(a, flags: flags) }
}

/// A shift or rotation whose flags are overwritten before anybody can look.
enum QuietShift<F: ShiftOperation>: LazyShiftOperation {
  @inline(__always) static var recordsFlags: Bool { false }
  // Not asked for: nothing is recorded.
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .shl }

  @inline(__always) static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, count: UInt8, flags: UInt64
  ) -> (T, UInt64) { F.apply(a, count: count, flags: flags) }
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
protocol LazyUnaryOperation: UnaryOperation, FlagRecording {
  static var lazyOperation: LazyFlags.Operation { get }
}

extension INC: LazyUnaryOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .inc }
}

extension DEC: LazyUnaryOperation {
  @inline(__always) static var lazyOperation: LazyFlags.Operation { .dec }
}

/// SHL, SHR or SAR by a count that is not zero.
protocol LazyShiftOperation: ShiftOperation, FlagRecording {
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

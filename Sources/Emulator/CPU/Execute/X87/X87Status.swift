/// The bits of the x87 status word.
///
/// SDM volume 1, "x87 FPU Status Register".
enum X87Status {
  /// SF: stack fault.
  static let stackFault: UInt16 = 0x40
  /// ES: exception summary status.
  static let exceptionSummary: UInt16 = 0x80
  /// C0.
  static let c0: UInt16 = 0x100
  /// C1.
  static let c1: UInt16 = 0x200
  /// C2.
  static let c2: UInt16 = 0x400
  /// C3.
  static let c3: UInt16 = 0x4000
  /// C0, C1, C2 and C3.
  static let conditions: UInt16 = 0x4700
  /// B: busy, a copy of ES since the 287.
  static let busy: UInt16 = 0x8000
  /// TOP.
  static let topMask: UInt16 = 0x3800
  /// Where TOP begins.
  static let topShift: UInt16 = 11
}

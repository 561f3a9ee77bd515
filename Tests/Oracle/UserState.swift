import Glibc
import HostCPU

/// The state of the processor that a program in user mode can see, laid out as `HostState` is.
package struct UserState {
  /// The general-purpose registers in encoding order: RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8-R15.
  package var registers: InlineArray<16, UInt64> = .init(repeating: 0)
  package var rip: UInt64 = UserState.defaultRIP
  package var rflags: UInt64 = UserState.defaultRFLAGS
  package var fsBase: UInt64 = UserState.defaultFSBase
  package var gsBase: UInt64 = UserState.defaultGSBase
  /// The x87 and SSE state as FXSAVE64 stores it.
  package var fx: InlineArray<512, UInt8> = .init(repeating: 0)
  /// Bits 255:128 of the YMM registers, low quadword first.
  package var ymmHigh: InlineArray<32, UInt64> = .init(repeating: 0)
  /// The selectors of ES, CS, SS, DS, FS and GS.
  package var segments: InlineArray<6, UInt16> = [
    0, UserSegments.code64, UserSegments.data, 0, 0, 0,
  ]
  private var reserved: InlineArray<2, UInt16> = .init(repeating: 0)

  /// Half-way into the code page, so that short branches stay in it both ways.
  package static let defaultRIP = HOST_CODE_ADDRESS + 0x800
  package static let defaultRSP = HOST_DATA_ADDRESS + 0x1800
  package static let defaultFSBase = HOST_DATA_ADDRESS + 0x400
  package static let defaultGSBase = HOST_DATA_ADDRESS + 0xC00
  /// Interrupts enabled, IOPL 0: what a program finds under an operating system.
  package static let defaultRFLAGS: UInt64 = 0x202

  /// The state in which a row starts where it says nothing else.
  package init(_ width: Width = .long) {
    registers[4] = UserState.defaultRSP
    fcw = 0x37F
    mxcsr = 0x1F80
    if width == .compatibility {
      segments = [
        UserSegments.data, UserSegments.code32, UserSegments.data, UserSegments.data,
        UserSegments.fs, UserSegments.gs,
      ]
    }
  }

  /// Sets the bases of FS and GS to those of the segments that 32-bit code has there.
  mutating func takeSegmentBases(from other: UserState? = nil) {
    let selectors = other?.segments ?? segments
    fsBase = UserSegments.base(of: selectors[4])
    gsBase = UserSegments.base(of: selectors[5])
  }

  /// The mode that CS asks for.
  package var width: Width { segments[1] == UserSegments.code64 ? .long : .compatibility }

  package static let segmentNames = ["es", "cs", "ss", "ds", "fs", "gs"]

  package static let registerNames = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
  ]
}

extension UserState {
  package var fcw: UInt16 {
    get { load(0) }
    set { store(newValue, 0) }
  }

  package var fsw: UInt16 {
    get { load(2) }
    set { store(newValue, 2) }
  }

  /// The abridged tag word of FXSAVE: a bit for each physical register that is not empty.
  package var ftw: UInt8 {
    get { fx[4] }
    set { fx[4] = newValue }
  }

  package var mxcsr: UInt32 {
    get { load(24) }
    set { store(newValue, 24) }
  }

  /// ST(`index`) as its significand and its sign and exponent.
  package subscript(st index: Int) -> ExtendedBits {
    get { ExtendedBits(significand: load(32 + 16 * index), signExponent: load(40 + 16 * index)) }
    set {
      store(newValue.significand, 32 + 16 * index)
      store(newValue.signExponent, 40 + 16 * index)
    }
  }

  /// XMM register `index`, its low half in the first element.
  package subscript(xmm index: Int) -> SIMD2<UInt64> {
    get { SIMD2(load(160 + 16 * index), load(168 + 16 * index)) }
    set {
      store(newValue.x, 160 + 16 * index)
      store(newValue.y, 168 + 16 * index)
    }
  }

  /// Bits 255:128 of YMM register `index`.
  package subscript(ymmHigh index: Int) -> SIMD2<UInt64> {
    get { SIMD2(ymmHigh[2 * index], ymmHigh[2 * index + 1]) }
    set {
      ymmHigh[2 * index] = newValue.x
      ymmHigh[2 * index + 1] = newValue.y
    }
  }

  /// Clears what no comparison looks at: last instruction and operand, MXCSR_MASK, unused bytes.
  mutating func clearUncompared() {
    withUnsafeMutableBytes(of: &fx) { raw in
      for offset in 5..<24 { raw[offset] = 0 }
      for offset in 28..<32 { raw[offset] = 0 }
      for offset in 416..<512 { raw[offset] = 0 }
    }
  }

  /// Forgets the low bits of null selectors, which the return from the kernel to a signal's handler
  /// clears: SDM volume 2, "IRET", "RETURN-TO-OUTER-PRIVILEGE-LEVEL".
  mutating func plainNullSelectors() {
    for index in 0..<6 where segments[index] & ~3 == 0 { segments[index] = 0 }
  }

  /// Whether every byte is the same.
  func isIdentical(to other: UserState) -> Bool {
    withUnsafeBytes(of: self) { a in
      withUnsafeBytes(of: other) { b in
        guard let left = a.baseAddress, let right = b.baseAddress else { return false }
        return memcmp(left, right, a.count) == 0
      }
    }
  }

  private func load<T: FixedWidthInteger>(_ offset: Int) -> T {
    var value: T = 0
    for byte in 0..<MemoryLayout<T>.size {
      value |= T(truncatingIfNeeded: fx[offset + byte]) &<< T(truncatingIfNeeded: 8 * byte)
    }
    return value
  }

  private mutating func store<T: FixedWidthInteger>(_ value: T, _ offset: Int) {
    for byte in 0..<MemoryLayout<T>.size {
      fx[offset + byte] = UInt8(truncatingIfNeeded: value &>> T(truncatingIfNeeded: 8 * byte))
    }
  }
}

/// The 80 bits of an x87 register.
package struct ExtendedBits: Equatable {
  package var significand: UInt64
  package var signExponent: UInt16

  package init(significand: UInt64, signExponent: UInt16) {
    self.significand = significand
    self.signExponent = signExponent
  }
}

/// Bits of RFLAGS by the names rows use.
package enum FlagBits {
  package static let names: [(name: String, bit: UInt64)] = [
    ("CF", 1 << 0), ("PF", 1 << 2), ("AF", 1 << 4), ("ZF", 1 << 6), ("SF", 1 << 7),
    ("TF", 1 << 8), ("DF", 1 << 10), ("OF", 1 << 11), ("NT", 1 << 14), ("RF", 1 << 16),
    ("AC", 1 << 18), ("ID", 1 << 21),
  ]
  package static let cf: UInt64 = 1 << 0
  package static let pf: UInt64 = 1 << 2
  package static let af: UInt64 = 1 << 4
  package static let zf: UInt64 = 1 << 6
  package static let sf: UInt64 = 1 << 7
  package static let df: UInt64 = 1 << 10
  package static let of: UInt64 = 1 << 11
  package static let rf: UInt64 = 1 << 16
  /// The six status flags.
  package static let status = cf | pf | af | zf | sf | of

  /// The names of the flags set in `bits`, comma-separated; `-` for none.
  package static func text(_ bits: UInt64) -> String {
    let set = names.filter { bits & $0.bit != 0 }.map(\.name)
    return set.isEmpty ? "-" : set.joined(separator: ",")
  }
}

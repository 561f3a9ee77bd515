/// What one instruction did to registers and memory.
public struct InstructionDelta: Equatable, Sendable {
  /// A value that an instruction stored.
  public struct Store: Equatable, Sendable {
    /// The first byte, linear.
    public var address: UInt64
    /// How many bytes, 1 to 8.
    public var count: UInt8
    /// The bytes, the lowest first.
    public var value: UInt64
    /// How often they were stored, one behind the other.
    public var times: UInt64 = 1

    /// The text `[address]=value`, with how often where that is not once.
    var text: String {
      "[\(address.hex)]=\(value.hex)" + (times == 1 ? "" : "*\(times)")
    }
  }

  /// The number of the processor.
  public var processor = 0
  /// RIP of the instruction.
  public var rip: UInt64 = 0
  /// RIP behind it: where it led, unless something is delivered first.
  public var next: UInt64 = 0
  /// The general registers behind it.
  public var registers = InlineArray<16, UInt64>(repeating: 0)
  /// The numbers of those that it changed.
  public var changed: UInt16 = 0
  /// RFLAGS behind it.
  public var flags: UInt64 = 2
  /// What it stored, and what deliveries before it stored.
  public var stores: [Store] = []
  /// Quadwords of vector registers that it changed: numbers 0 to 31 are XMM, the others the upper
  /// halves of YMM.
  public var vectors: [VectorChange] = []

  /// A quadword of a vector register.
  public struct VectorChange: Equatable, Sendable {
    /// Its number.
    public var number: UInt8
    /// What it became.
    public var value: UInt64
  }

  /// Whether both are the same in every part.
  public static func == (a: Self, b: Self) -> Bool {
    for index in 0..<16 where a.registers[index] != b.registers[index] { return false }
    return a.processor == b.processor && a.rip == b.rip && a.next == b.next
      && a.changed == b.changed && a.flags == b.flags && a.stores == b.stores
      && a.vectors == b.vectors
  }
}

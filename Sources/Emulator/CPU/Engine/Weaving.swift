/// What is woven into blocks when they are made, for observers; nothing costs nothing.
public struct Weaving: OptionSet, Sendable {
  /// The bits.
  public var rawValue: UInt8
  /// Takes the bits as they are.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Near calls and returns are events.
  public static let calls = Weaving(rawValue: 1)
  /// Executions of every instruction, and both ways of every branch, are counted.
  public static let counters = Weaving(rawValue: 2)
  /// An observer of its own sees every instruction, with what it stored.
  public static let instructions = Weaving(rawValue: 4)
}

/// One executed instruction, as the observer of instructions sees it.
public struct ExecutedInstruction {
  /// The number of the processor.
  public var processor: Int
  /// The processor, behind the instruction.
  public var cpu: CPU
  /// Its RIP.
  public var rip: UInt64
  /// Its bytes.
  public var length: UInt8
  /// What it does.
  public var mnemonic: Mnemonic
  /// Whether it raised an exception, which is delivered behind this.
  public var isFaulting: Bool
}

/// A range of linear memory that an instruction stored to.
public struct StoredRange: Equatable, Sendable {
  /// The first byte, linear.
  public var address: UInt64
  /// How many bytes.
  public var count: UInt64
}

extension CPU {
  /// Tells the observer of instructions that the one at `rip` completed, or faulted.
  @inline(never)
  func reportInstruction(_ rip: UInt64, _ i: borrowing Instruction, isFaulting: Bool) {
    connections.instructionObserver?(
      ExecutedInstruction(
        processor: connections.identification.number, cpu: self, rip: rip, length: i.length,
        mnemonic: i.mnemonic, isFaulting: isFaulting))
    connections.stores.removeAll(keepingCapacity: true)
  }
}

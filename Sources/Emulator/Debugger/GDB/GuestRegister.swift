import Emulator

/// A register of a processor that a debugger can name.
enum GuestRegister: Hashable {
  case general(Register)
  /// RIP as a linear address: with the base of CS, where that counts.
  case instructionPointer
  case flags
  case selector(SegmentName)
  case base(SegmentName)
  case limit(SegmentName)
  case attributes(SegmentName)
  case globalTableBase
  case globalTableLimit
  case interruptTableBase
  case interruptTableLimit
  /// An x87 register, counted from the top of the stack.
  case x87(Int)
  case x87Control
  case x87Status
  case x87Tags
  case x87CodeSelector
  case x87InstructionPointer
  case x87DataSelector
  case x87DataPointer
  case x87Opcode
  case xmm(Int)
  case ymmHigh(Int)
  case mxcsr
  case control(Int)
  case extendedControl
  case debug(Int)
  case protectionKeys
  case modelSpecific(UInt32)
  case privilegeLevel
}

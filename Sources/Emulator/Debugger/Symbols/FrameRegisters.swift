import Emulator

/// The registers of a stack frame as far as they are known, numbered as DWARF numbers them.
///
/// System V ABI, "DWARF Register Number Mapping", for x86-64 and for i386.
struct FrameRegisters {
  /// The number of the stack pointer, the frame pointer and the return address.
  struct Numbers {
    let stackPointer: Int
    let framePointer: Int
    let returnAddress: Int
    /// The general registers in the order of their numbers.
    let order: [Register]

    static let wide = Numbers(
      stackPointer: 7, framePointer: 6, returnAddress: 16,
      order: [
        .rax, .rdx, .rcx, .rbx, .rsi, .rdi, .rbp, .rsp, .r8, .r9, .r10, .r11, .r12, .r13, .r14,
        .r15,
      ])
    static let narrow = Numbers(
      stackPointer: 4, framePointer: 5, returnAddress: 8,
      order: [.rax, .rcx, .rdx, .rbx, .rsp, .rbp, .rsi, .rdi])
  }

  let numbers: Numbers
  private var values: [UInt64?]

  /// The registers of a processor now.
  init(_ cpu: CPU) {
    numbers = cpu.isLongMode ? .wide : .narrow
    let mask: UInt64 = cpu.isLongMode ? .max : 0xFFFF_FFFF
    values = numbers.order.map { cpu[$0] & mask } + [cpu.state.pointee.rip & mask]
  }

  /// As many unknown values as `other` has.
  init(like other: FrameRegisters) {
    numbers = other.numbers
    values = [UInt64?](repeating: nil, count: other.values.count)
  }

  var count: Int { values.count }

  subscript(number: Int) -> UInt64? {
    get { values.indices.contains(number) ? values[number] : nil }
    set { if values.indices.contains(number) { values[number] = newValue } }
  }

  var stackPointer: UInt64? {
    get { self[numbers.stackPointer] }
    set { self[numbers.stackPointer] = newValue }
  }
  var framePointer: UInt64? {
    get { self[numbers.framePointer] }
    set { self[numbers.framePointer] = newValue }
  }
  var instructionPointer: UInt64? {
    get { self[numbers.returnAddress] }
    set { self[numbers.returnAddress] = newValue }
  }
}

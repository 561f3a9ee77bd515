/// A 32-bit program made of accesses to devices, for flat segments without paging.
struct DeviceProgram {
  /// Where everything lies in the guest's memory.
  enum Layout {
    static let code: UInt32 = 0x10_0000
    static let codeEnd: UInt32 = 0x14_0000
    /// Runs first, gives PCI functions their addresses, and goes on at `code`.
    static let prologue: UInt32 = 0x15_0000
    static let interruptTable: UInt32 = 0x18_0000
    static let descriptorTable: UInt32 = 0x18_1000
    static let handlers: UInt32 = 0x18_2000
    static let stackTop: UInt32 = 0x19_0000
    /// Rings, descriptor tables and buffers for devices.
    static let scratch: UInt32 = 0x20_0000
    static let scratchSize: UInt32 = 0x2_0000
    static let memory: UInt64 = 4 << 20
  }

  /// How wide an access is.
  enum Width: CaseIterable {
    case byte, word, doubleword, quadword
  }

  private(set) var code: [UInt8] = []
  /// Instructions, each executed once in the prologue.
  private(set) var count: UInt64 = 0

  mutating func emit(_ bytes: [UInt8]) {
    code += bytes
    count += 1
  }

  static func bytes(_ value: UInt32) -> [UInt8] {
    [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
  }

  private mutating func load(_ register: UInt8, _ value: UInt32) {
    emit([0xB8 + register] + Self.bytes(value))
  }

  // MARK: Ports

  /// MOV EDX, port; MOV EAX, value; OUT.
  mutating func out(_ port: UInt16, _ width: Width, _ value: UInt32) {
    load(2, UInt32(port))
    load(0, value)
    emit(width == .byte ? [0xEE] : width == .word ? [0x66, 0xEF] : [0xEF])
  }

  /// MOV EDX, port; IN.
  mutating func `in`(_ port: UInt16, _ width: Width) {
    load(2, UInt32(port))
    emit(width == .byte ? [0xEC] : width == .word ? [0x66, 0xED] : [0xED])
  }

  /// REP INS or OUTS between a port and memory.
  mutating func string(_ port: UInt16, _ width: Width, isInput: Bool, memory: UInt32, _ n: UInt32) {
    load(2, UInt32(port))
    load(1, n)
    load(isInput ? 7 : 6, memory)
    let operation: UInt8 = (isInput ? 0x6C : 0x6E) + (width == .byte ? 0 : 1)
    emit((width == .word ? [0x66] : []) + [0xF3, operation])
  }

  // MARK: Memory

  /// MOV [address], value; a quadword by MMX.
  mutating func store(_ address: UInt32, _ width: Width, _ value: UInt32) {
    let place = Self.bytes(address)
    switch width {
    case .byte: emit([0xC6, 0x05] + place + [UInt8(truncatingIfNeeded: value)])
    case .word: emit([0x66, 0xC7, 0x05] + place + Self.bytes(value).prefix(2))
    case .doubleword: emit([0xC7, 0x05] + place + Self.bytes(value))
    case .quadword:
      load(0, value)
      // MOVD MM0, EAX; PUNPCKLDQ MM0, MM0; MOVQ [address], MM0.
      emit([0x0F, 0x6E, 0xC0])
      emit([0x0F, 0x62, 0xC0])
      emit([0x0F, 0x7F, 0x05] + place)
    }
  }

  /// MOV EAX, [address]; a quadword by MMX.
  mutating func load(from address: UInt32, _ width: Width) {
    let place = Self.bytes(address)
    switch width {
    case .byte: emit([0xA0] + place)
    case .word: emit([0x66, 0xA1] + place)
    case .doubleword: emit([0xA1] + place)
    case .quadword: emit([0x0F, 0x6F, 0x05] + place)
    }
  }

  /// LOCK ADD, or XCHG, or MOVUPS of 16 bytes: what drivers rarely do to a register.
  mutating func unusual(_ address: UInt32, _ choice: Int) {
    let place = Self.bytes(address)
    switch choice % 4 {
    case 0: emit([0xF0, 0x01, 0x05] + place)
    case 1: emit([0x87, 0x05] + place)
    case 2: emit([0x0F, 0x11, 0x05] + place)
    default: emit([0x0F, 0x10, 0x05] + place)
    }
  }

  /// REP MOVS between two places, or STOS to one of them.
  mutating func copy(from source: UInt32?, to destination: UInt32, _ width: Width, _ n: UInt32) {
    load(1, n)
    load(7, destination)
    if let source { load(6, source) }
    let operation: UInt8 = (source == nil ? 0xAA : 0xA4) + (width == .byte ? 0 : 1)
    emit((width == .word ? [0x66] : []) + [0xF3, operation])
  }

  // MARK: Time and interrupts

  /// Lets one interrupt in: the handlers return with interrupts off.
  mutating func openWindow() {
    emit([0xFB])
    emit([0x90])
    emit([0x90])
    emit([0xFA])
  }

  /// STI; HLT.
  mutating func halt() {
    emit([0xFB])
    emit([0xF4])
  }

  /// MOV ECX, n; LOOP.
  mutating func wait(_ n: UInt32) {
    load(1, n)
    emit([0xE2, 0xFE])
  }

  /// CLI; HLT: the end.
  mutating func end() {
    emit([0xFA])
    emit([0xF4])
  }

  /// JMP to the code, from where the prologue ends.
  mutating func enterCode() {
    let next = Layout.prologue + UInt32(code.count) + 5
    emit([0xE9] + Self.bytes(Layout.code &- next))
  }

  // MARK: PCI

  /// Writes a doubleword of a function's configuration space.
  mutating func configure(_ slot: UInt32, _ register: UInt32, _ value: UInt32) {
    out(0xCF8, .doubleword, 1 << 31 | slot << 11 | register & 0xFC)
    out(0xCFC, .doubleword, value)
  }

  /// What firmware would have done: interrupts at vectors from 20h on, a tick, addresses for all
  /// functions, configuration space at B0000000h.
  static func prologue() -> DeviceProgram {
    var program = DeviceProgram()
    for (port, value) in [
      (0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 1), (0xA0, 0x11), (0xA1, 0x28), (0xA1, 2),
      (0xA1, 1), (0x21, 0), (0xA1, 0), (0x43, 0x34), (0x40, 0xA9), (0x40, 4),
    ] as [(UInt16, UInt32)] {
      program.out(port, .byte, value)
    }
    for (index, slot) in (Array(0..<20) + [31] as [UInt32]).enumerated() {
      for bar in 0..<5 as Range<UInt32> {
        let memory =
          0xC000_0000 + (UInt32(index) << 25) + (bar == 0 ? 0 : 0x100_0000 + (bar << 20))
        let port = 0xC000 + (UInt32(index) << 8) + (bar << 4)
        program.configure(slot, 0x10 + bar * 4, memory | port)
      }
      // The upper half of a 64-bit address in registers 4 and 5.
      program.configure(slot, 0x24, 0)
      program.configure(slot, 4, 7)
    }
    program.configure(0, 0x60, 0xB000_0001)
    program.enterCode()
    return program
  }
}

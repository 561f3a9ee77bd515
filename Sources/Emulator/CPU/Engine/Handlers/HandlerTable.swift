import Glibc

/// The shape of an operation's operands, destination first: r register, m memory, i immediate,
/// c CL.
enum OperationForm: UInt8, CaseIterable {
  case none, r, m, i
  case rr, ri, rm, mr, mi, rc, rri
  case rrByte, rmByte, rrWord, rmWord
  case rBranch, rrBranch, riBranch, rmBranch, mrBranch, miBranch
}

/// The encodings of a vector instruction that have handlers of their own.
enum VectorWidth: UInt8, CaseIterable {
  /// Without VEX.
  case legacy
  /// VEX.128.
  case narrow
  /// VEX.256.
  case wide
}

/// The fast handlers by mnemonic, form, width and condition; zero where the slow method serves.
final class HandlerTable: Sendable {
  /// The table; built once, never changed.
  static let shared = HandlerTable()

  private static let perMnemonic = OperationForm.allCases.count * 4 * 16
  private static let perVectorOpcode =
    OperationForm.allCases.count * VectorWidth.allCases.count * 2
  nonisolated(unsafe) private let addresses: UnsafeMutablePointer<UInt64>
  nonisolated(unsafe) private let vectors: UnsafeMutablePointer<UInt64>

  private init() {
    let count = Mnemonic.allCases.count * Self.perMnemonic
    // Mostly empty: untouched pages cost nothing.
    let vectorCount = 3 * 4 * 256 * Self.perVectorOpcode
    guard let memory = calloc(count, MemoryLayout<UInt64>.size),
      let vectorMemory = calloc(vectorCount, MemoryLayout<UInt64>.size)
    else { abort() }
    addresses = memory.assumingMemoryBound(to: UInt64.self)
    vectors = vectorMemory.assumingMemoryBound(to: UInt64.self)
    installAll()
  }

  deinit {
    free(addresses)
    free(vectors)
  }

  private func slot(
    _ mnemonic: Mnemonic, _ form: OperationForm, _ width: Int, _ condition: Int
  ) -> Int {
    let size = (width / 8).trailingZeroBitCount
    return Int(mnemonic.rawValue) * Self.perMnemonic + (Int(form.rawValue) * 4 + size) * 16
      + condition
  }

  /// Enters a handler; `width` in bits.
  func install(
    _ mnemonic: Mnemonic, _ form: OperationForm, _ width: Int, condition: Int = 0,
    _ handler: Handler
  ) { addresses[slot(mnemonic, form, width, condition)] = address(handler) }

  private func vectorSlot(
    _ map: UInt8, _ prefix: MandatoryPrefix, _ opcode: UInt8, _ form: OperationForm,
    _ width: VectorWidth, _ isQuadword: Bool
  ) -> Int {
    let column =
      switch prefix {
      case .none: 0
      case .operandSize: 1
      case .rep: 2
      case .repne: 3
      }
    let row = (Int(map - 1) * 4 + column) * 256 + Int(opcode)
    let kind = Int(form.rawValue) * VectorWidth.allCases.count + Int(width.rawValue)
    return row * Self.perVectorOpcode + kind * 2 + (isQuadword ? 1 : 0)
  }

  /// Enters a handler of a vector instruction.
  func install(
    map: UInt8, _ prefix: MandatoryPrefix, _ opcode: UInt8, _ form: OperationForm,
    _ width: VectorWidth, isQuadword: Bool = false, _ handler: Handler
  ) { vectors[vectorSlot(map, prefix, opcode, form, width, isQuadword)] = address(handler) }

  /// The handler of a vector instruction, or nil; `isQuadword` where REX.W or VEX.W makes it
  /// another.
  func vectorHandler(
    map: UInt8, prefix: MandatoryPrefix, _ opcode: UInt8, _ form: OperationForm,
    _ width: VectorWidth, isQuadword: Bool
  ) -> UInt64? {
    guard 1...3 ~= map else { return nil }
    let found = vectors[vectorSlot(map, prefix, opcode, form, width, isQuadword)]
    return found == 0 ? nil : found
  }

  /// The handler for a form, or nil; `size` in bytes.
  func handler(
    _ mnemonic: Mnemonic, _ form: OperationForm, size: UInt8, condition: UInt8 = 0
  ) -> UInt64? {
    let found = addresses[slot(mnemonic, form, Int(size) * 8, Int(condition))]
    return found == 0 ? nil : found
  }
}

import Glibc

/// The shape of an operation's operands, destination first: r register, m memory, i immediate,
/// c CL.
enum OperationForm: UInt8, CaseIterable {
  case none, r, m, i
  case rr, ri, rm, mr, mi, rc, rri
  case rrByte, rmByte, rrWord, rmWord
  case rrBranch, riBranch, rmBranch, miBranch
}

/// The fast handlers by mnemonic, form, width and condition; zero where the slow method serves.
final class HandlerTable: Sendable {
  /// The table; built once, never changed.
  static let shared = HandlerTable()

  private static let perMnemonic = OperationForm.allCases.count * 4 * 16
  nonisolated(unsafe) private let addresses: UnsafeMutablePointer<UInt64>

  private init() {
    let count = Mnemonic.allCases.count * Self.perMnemonic
    // Mostly empty: untouched pages cost nothing.
    guard let memory = calloc(count, MemoryLayout<UInt64>.size) else { abort() }
    addresses = memory.assumingMemoryBound(to: UInt64.self)
    installAll()
  }

  deinit { free(addresses) }

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

  /// The handler for a form, or nil; `size` in bytes.
  func handler(
    _ mnemonic: Mnemonic, _ form: OperationForm, size: UInt8, condition: UInt8 = 0
  ) -> UInt64? {
    let found = addresses[slot(mnemonic, form, Int(size) * 8, Int(condition))]
    return found == 0 ? nil : found
  }
}

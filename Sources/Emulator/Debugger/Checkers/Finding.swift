import Emulator

/// A mistake of the guest, and where it was made.
public struct Finding: Equatable, Sendable {
  /// What found it.
  public let check: Check
  /// The machine's instruction count.
  public let position: UInt64
  /// The number of the processor.
  public let processor: Int
  /// The linear address of the guilty instruction.
  public let address: UInt64
  /// What is wrong, without a name for the place.
  public let text: String
  /// Everything that is known, a line each.
  public let lines: [String]
}

/// What one check does while a machine runs.
///
/// `observe` is called amid instructions, and `look` and whatever is registered with the run
/// between them; none changes the machine.
protocol Checker: AnyObject {
  /// Something happened.
  func observe(_ event: ExecutionEvent)
  /// Time has passed.
  func look()
}

extension Checker {
  func observe(_ event: ExecutionEvent) {}
  func look() {}
}

/// The return addresses of a stack, the innermost first.
struct CallStack: Equatable, Sendable {
  /// The first is the instruction itself.
  var addresses: [UInt64] = []

  private static let limit = 16

  /// Follows the frame pointers of a processor from the code at `address`.
  ///
  /// At a function's first instruction, the caller is still on top of the stack.
  init(_ machine: Machine, _ cpu: CPU, at address: UInt64, atEntry: Bool = false) {
    addresses = [address]
    guard cpu.isLongMode else { return }
    if atEntry, let caller = machine.peek(cpu, linear: cpu[.rsp], count: 8) {
      addresses.append(caller)
    }
    var frame = cpu[.rbp]
    while addresses.count < Self.limit, frame != 0, frame & 7 == 0,
      let caller = machine.peek(cpu, linear: frame &+ 8, count: 8), caller != 0,
      let next = machine.peek(cpu, linear: frame, count: 8)
    {
      addresses.append(caller)
      guard next > frame else { break }
      frame = next
    }
  }

  init() {}

  /// A line for each.
  func lines(_ symbols: SymbolTable, indent: String = "  ") -> [String] {
    addresses.enumerated().map { number, address in
      let name =
        number == 0 ? symbols.describe(address) : symbols.describe(returnAddress: address)
      return "\(indent)\(number)  0x\(String(address, radix: 16))" + (name.map { " <\($0)>" } ?? "")
    }
  }
}

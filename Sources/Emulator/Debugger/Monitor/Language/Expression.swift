import Emulator

/// An expression of the monitor: what conditions and arguments are made of.
///
/// Every value is a 64-bit number without a sign; comparisons give 1 or 0.
indirect enum Expression {
  case number(UInt64)
  case register(RegisterName)
  /// A place in the source.
  case address(NamedAddress)
  /// A symbol with all its copies, and the address that it is as a number.
  case symbol([UInt64], Result<NamedAddress, MonitorError>)
  case load(Expression, size: Int, isPhysical: Bool)
  case unary(UnaryOperator, Expression)
  case binary(BinaryOperator, Expression, Expression)

  enum UnaryOperator {
    case minus
    case complement
    case not
  }

  enum BinaryOperator: String, CaseIterable {
    case or = "||"
    case and = "&&"
    case equal = "=="
    case notEqual = "!="
    case lessOrEqual = "<="
    case greaterOrEqual = ">="
    case shiftLeft = "<<"
    case shiftRight = ">>"
    case less = "<"
    case greater = ">"
    case bitOr = "|"
    case bitXor = "^"
    case bitAnd = "&"
    case plus = "+"
    case minus = "-"
    case times = "*"
    case divided = "/"
    case remainder = "%"

    /// How tightly it binds, as in C.
    var precedence: Int {
      switch self {
      case .or: 1
      case .and: 2
      case .bitOr: 3
      case .bitXor: 4
      case .bitAnd: 5
      case .equal, .notEqual: 6
      case .less, .lessOrEqual, .greater, .greaterOrEqual: 7
      case .shiftLeft, .shiftRight: 8
      case .plus, .minus: 9
      case .times, .divided, .remainder: 10
      }
    }
  }

  /// The value on a processor of a machine.
  func value(_ machine: Machine, _ processor: Processor) throws(MonitorError) -> UInt64 {
    switch self {
    case .number(let value): return value
    case .address(let place): return place.now
    case .symbol(_, let place): return try place.get().now
    case .register(let name): return name.value(processor, machine)
    case .load(let address, let size, let isPhysical):
      let address = try address.value(machine, processor)
      return try Self.load(address, size, isPhysical, machine, processor)
    case .unary(let operation, let operand):
      let value = try operand.value(machine, processor)
      switch operation {
      case .minus: return 0 &- value
      case .complement: return ~value
      case .not: return value == 0 ? 1 : 0
      }
    case .binary(.or, let left, let right):
      if try left.value(machine, processor) != 0 { return 1 }
      return try right.value(machine, processor) != 0 ? 1 : 0
    case .binary(.and, let left, let right):
      guard try left.value(machine, processor) != 0 else { return 0 }
      return try right.value(machine, processor) != 0 ? 1 : 0
    case .binary(let operation, let left, let right):
      return try Self.combine(
        operation, left.value(machine, processor), right.value(machine, processor))
    }
  }

  /// Whether the value is an address that moves with the program: a name, perhaps with a distance.
  var isNamed: Bool {
    switch self {
    case .address, .symbol: true
    case .binary(.plus, let left, .number), .binary(.minus, let left, .number): left.isNamed
    default: false
    }
  }

  private static func load(
    _ address: UInt64, _ size: Int, _ isPhysical: Bool, _ machine: Machine, _ processor: Processor
  ) throws(MonitorError) -> UInt64 {
    if isPhysical {
      guard let bytes = machine.memory.read(PhysicalAddress(address), count: size) else {
        throw MonitorError("there is no RAM at physical \(address.hex)")
      }
      return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard let value = LinearMemory(machine, processor: processor).number(address, size: size) else {
      throw MonitorError("nothing can be read at \(address.hex)")
    }
    return value
  }

  private static func combine(
    _ operation: BinaryOperator, _ left: UInt64, _ right: UInt64
  ) throws(MonitorError) -> UInt64 {
    switch operation {
    case .or, .and: return 0
    case .equal: return left == right ? 1 : 0
    case .notEqual: return left != right ? 1 : 0
    case .less: return left < right ? 1 : 0
    case .lessOrEqual: return left <= right ? 1 : 0
    case .greater: return left > right ? 1 : 0
    case .greaterOrEqual: return left >= right ? 1 : 0
    case .shiftLeft: return left << right
    case .shiftRight: return left >> right
    case .bitOr: return left | right
    case .bitXor: return left ^ right
    case .bitAnd: return left & right
    case .plus: return left &+ right
    case .minus: return left &- right
    case .times: return left &* right
    case .divided, .remainder:
      guard right != 0 else { throw MonitorError("division by zero") }
      return operation == .divided ? left / right : left % right
    }
  }
}

/// An address that has a name, wherever the program is.
struct NamedAddress {
  private let program: ProgramSymbols
  private let linked: UInt64

  /// An address where the program is now.
  init(_ address: UInt64, _ program: ProgramSymbols) {
    self.program = program
    linked = program.table.slide?.linked(address) ?? address
  }

  /// Where it is now.
  var now: UInt64 { program.table.slide?.moved(linked) ?? linked }
}

/// Why a command cannot be done: one sentence.
public struct MonitorError: Error, CustomStringConvertible {
  /// The sentence.
  public let description: String

  /// Says what is wrong.
  public init(_ description: String) { self.description = description }
}

/// What an agent expression looks at.
package protocol AgentEnvironment {
  /// A register by its number in the description.
  func register(_ number: Int) -> UInt64?
  /// A little-endian number in memory.
  func load(_ address: UInt64, size: Int) -> UInt64?
  /// A trace state variable.
  func variable(_ number: Int) -> UInt64
  /// Sets a trace state variable.
  func setVariable(_ number: Int, _ value: UInt64)
  /// Shows the user a text.
  func show(_ text: String)
}

/// Why an agent expression has no value.
package enum AgentError: Error, Equatable {
  case stackOverflow
  case stackUnderflow
  /// The code ends in the middle of an instruction, or without `end`.
  case truncated
  /// No such operation, or one of the floating-point ones, which GDB never makes.
  case invalidOperation(UInt8)
  case divisionByZero
  case noSuchRegister(Int)
  case unreadable(UInt64)
  /// It went on for too long.
  case endless
}

/// Bytecode that GDB makes of a condition or of a formatted print.
///
/// Manual of GDB, "Agent Expressions": a stack of 64-bit numbers.
package struct AgentExpression: Equatable {
  /// The longest stack; GDB makes do with 100 too.
  package static let depth = 100
  /// Operations after which it is taken to be endless.
  package static let stepLimit = 10_000

  /// The bytecode.
  let code: [UInt8]

  package init(_ code: [UInt8]) { self.code = code }

  /// The number on top of the stack at `end`; zero if the stack is empty then.
  package func evaluate(in environment: some AgentEnvironment) throws(AgentError) -> UInt64 {
    var evaluation = AgentEvaluation(code: code)
    for _ in 0..<Self.stepLimit {
      if try !evaluation.step(environment) { return evaluation.result }
    }
    throw .endless
  }
}

/// A run of an agent expression.
struct AgentEvaluation {
  private let code: [UInt8]
  private var position = 0
  private var stack: [UInt64] = []

  init(code: [UInt8]) {
    self.code = code
    stack.reserveCapacity(16)
  }

  var result: UInt64 { stack.last ?? 0 }

  /// Executes one operation; false at the end.
  mutating func step(_ environment: some AgentEnvironment) throws(AgentError) -> Bool {
    let operation = try byte()
    switch operation {
    case 0x02...0x0B, 0x0F...0x11, 0x13...0x15: try binary(operation)
    case 0x0E: try unary { $0 == 0 ? 1 : 0 }
    case 0x12: try unary { ~$0 }
    case 0x16: try extend(signed: true)
    case 0x17...0x1A: try load(1 << Int(operation - 0x17), environment)
    case 0x20:
      let target = try operand(2)
      if try pop() != 0 { position = Int(target) }
    case 0x21: position = Int(try operand(2))
    case 0x22...0x25: try push(operand(1 << Int(operation - 0x22)))
    case 0x26:
      let number = Int(try operand(2))
      guard let value = environment.register(number) else { throw .noSuchRegister(number) }
      try push(value)
    case 0x27: return false
    case 0x2A: try extend(signed: false)
    case 0x2C: try push(environment.variable(Int(operand(2))))
    case 0x2D: try environment.setVariable(Int(operand(2)), top())
    case 0x28...0x33: try arrange(operation)
    case 0x34: try printFormatted(environment)
    case 0x0C, 0x0D: try collect(operation)
    default: throw .invalidOperation(operation)
    }
    return true
  }

  // MARK: Code and stack

  private mutating func byte() throws(AgentError) -> UInt8 {
    guard code.indices.contains(position) else { throw .truncated }
    defer { position += 1 }
    return code[position]
  }

  /// A big-endian number in the code.
  private mutating func operand(_ size: Int) throws(AgentError) -> UInt64 {
    var value: UInt64 = 0
    for _ in 0..<size { value = value << 8 | UInt64(try byte()) }
    return value
  }

  private mutating func push(_ value: UInt64) throws(AgentError) {
    guard stack.count < AgentExpression.depth else { throw .stackOverflow }
    stack.append(value)
  }

  private mutating func pop() throws(AgentError) -> UInt64 {
    guard let value = stack.popLast() else { throw .stackUnderflow }
    return value
  }

  private func top() throws(AgentError) -> UInt64 {
    guard let value = stack.last else { throw .stackUnderflow }
    return value
  }

  private mutating func unary(_ body: (UInt64) -> UInt64) throws(AgentError) {
    try push(body(pop()))
  }

  // MARK: Operations

  private mutating func binary(_ operation: UInt8) throws(AgentError) {
    let b = try pop()
    let a = try pop()
    let signedA = Int64(bitPattern: a)
    let signedB = Int64(bitPattern: b)
    switch operation {
    case 0x02: try push(a &+ b)
    case 0x03: try push(a &- b)
    case 0x04: try push(a &* b)
    case 0x05...0x08: try push(divide(operation, a, b))
    // Not the masking shifts: by 64 and more nothing is left.
    case 0x09: try push(a << b)
    case 0x0A: try push(UInt64(bitPattern: signedA >> b))
    case 0x0B: try push(a >> b)
    case 0x0F: try push(a & b)
    case 0x10: try push(a | b)
    case 0x11: try push(a ^ b)
    case 0x13: try push(a == b ? 1 : 0)
    case 0x14: try push(signedA < signedB ? 1 : 0)
    default: try push(a < b ? 1 : 0)
    }
  }

  private func divide(_ operation: UInt8, _ a: UInt64, _ b: UInt64) throws(AgentError) -> UInt64 {
    guard b != 0 else { throw .divisionByZero }
    let signedA = Int64(bitPattern: a)
    let signedB = Int64(bitPattern: b)
    return switch operation {
    case 0x05: UInt64(bitPattern: signedA.dividedReportingOverflow(by: signedB).partialValue)
    case 0x06: a / b
    case 0x07:
      UInt64(bitPattern: signedA.remainderReportingOverflow(dividingBy: signedB).partialValue)
    default: a % b
    }
  }

  private mutating func extend(signed: Bool) throws(AgentError) {
    let bits = UInt64(try byte())
    let value = try pop()
    guard bits > 0, bits < 64 else { return try push(bits == 0 ? 0 : value) }
    let shift = 64 - bits
    try push(
      signed
        ? UInt64(bitPattern: Int64(bitPattern: value &<< shift) &>> Int64(shift))
        : (value &<< shift) &>> shift)
  }

  private mutating func load(
    _ size: Int, _ environment: some AgentEnvironment
  ) throws(AgentError) {
    let address = try pop()
    guard let value = environment.load(address, size: size) else { throw .unreadable(address) }
    try push(value)
  }

  /// Operations that only move what is on the stack, and those that collect for a trace.
  private mutating func arrange(_ operation: UInt8) throws(AgentError) {
    switch operation {
    case 0x28: try push(top())
    case 0x29: _ = try pop()
    case 0x2B:
      guard stack.count >= 2 else { throw .stackUnderflow }
      stack.swapAt(stack.count - 1, stack.count - 2)
    case 0x32:
      let depth = Int(try byte())
      guard depth < stack.count else { throw .stackUnderflow }
      try push(stack[stack.count - 1 - depth])
    case 0x33:
      // a b c becomes c a b.
      guard stack.count >= 3 else { throw .stackUnderflow }
      let c = stack.removeLast()
      stack.insert(c, at: stack.count - 2)
    default: try collect(operation)
    }
  }

  /// Operations that collect for a trace experiment: there is none, but the stack changes.
  private mutating func collect(_ operation: UInt8) throws(AgentError) {
    switch operation {
    // trace and tracenz: address and size.
    case 0x0C, 0x2F:
      _ = try pop()
      _ = try pop()
    case 0x0D: _ = try byte()
    case 0x2E, 0x30: _ = try operand(2)
    default: throw .invalidOperation(operation)
    }
  }

  /// printf: the function and the channel, which mean nothing here, then the arguments.
  private mutating func printFormatted(_ environment: some AgentEnvironment) throws(AgentError) {
    let count = Int(try byte())
    let length = Int(try operand(2))
    guard length > 0, length <= code.count - position else { throw .truncated }
    let format = code[position..<position + length]
    position += length
    guard format.last == 0 else { throw .truncated }
    _ = try pop()
    _ = try pop()
    var arguments: [UInt64] = []
    for _ in 0..<count { arguments.append(try pop()) }
    environment.show(
      AgentFormat(format.prefix { $0 != 0 }).text(arguments) { environment.load($0, size: 1) })
  }
}

import Debugger
import Testing

/// What an expression sees in these tests.
private final class Surroundings: AgentEnvironment {
  var variables: [Int: UInt64] = [:]
  var shown = ""

  /// Register n holds n * 16.
  func register(_ number: Int) -> UInt64? { number < 40 ? UInt64(number) * 16 : nil }

  /// Each byte is the low byte of its address, up to FFFFh.
  func load(_ address: UInt64, size: Int) -> UInt64? {
    guard address < 0x1_0000 else { return nil }
    return (0..<UInt64(size)).reduce(0) { $0 | (address + $1 & 0xFF) << ($1 * 8) }
  }

  func variable(_ number: Int) -> UInt64 { variables[number] ?? 0 }
  func setVariable(_ number: Int, _ value: UInt64) { variables[number] = value }
  func show(_ text: String) { shown += text }
}

/// Every operation of the manual's appendix.
@Suite struct AgentExpressionTests {
  private let end: UInt8 = 0x27

  private func value(_ code: [UInt8]) throws -> UInt64 {
    try AgentExpression(code + [end]).evaluate(in: Surroundings())
  }

  private func error(_ code: [UInt8]) -> AgentError? {
    do throws(AgentError) {
      _ = try AgentExpression(code).evaluate(in: Surroundings())
      return nil
    } catch {
      return error
    }
  }

  /// const64.
  private func push(_ value: UInt64) -> [UInt8] {
    [0x25] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  private func minus(_ value: Int64) -> UInt64 { UInt64(bitPattern: -value) }

  @Test func constantsAreBigEndianAndUnsigned() throws {
    #expect(try value([0x22, 0xFE]) == 0xFE)
    #expect(try value([0x23, 0x12, 0x34]) == 0x1234)
    #expect(try value([0x24, 0x12, 0x34, 0x56, 0x78]) == 0x1234_5678)
    #expect(try value([0x25, 1, 2, 3, 4, 5, 6, 7, 8]) == 0x0102_0304_0506_0708)
  }

  @Test(
    arguments: [
      (0x02, 7, 5, 12), (0x03, 5, 7, UInt64.max - 1), (0x04, 7, 5, 35),
      (0x05, UInt64(bitPattern: -7), 2, UInt64(bitPattern: -3)), (0x06, .max, 2, .max / 2),
      (0x07, UInt64(bitPattern: -7), 2, UInt64(bitPattern: -1)), (0x08, 7, 4, 3),
      (0x05, 1 << 63, .max, 1 << 63), (0x07, 1 << 63, .max, 0),
      (0x09, 1, 63, 1 << 63), (0x09, 1, 64, 0), (0x09, 1, .max, 0),
      (0x0A, UInt64(bitPattern: -8), 1, UInt64(bitPattern: -4)), (0x0A, 1 << 63, 200, .max),
      (0x0B, 1 << 63, 63, 1), (0x0B, 1 << 63, 64, 0),
      (0x0F, 0xF0, 0x3C, 0x30), (0x10, 0xF0, 0x3C, 0xFC), (0x11, 0xF0, 0x3C, 0xCC),
      (0x13, 3, 3, 1), (0x13, 3, 4, 0), (0x14, .max, 0, 1), (0x14, 0, .max, 0),
      (0x15, .max, 0, 0), (0x15, 0, .max, 1),
    ] as [(UInt8, UInt64, UInt64, UInt64)])
  func binaryOperations(_ operation: UInt8, _ a: UInt64, _ b: UInt64, _ result: UInt64) throws {
    #expect(try value(push(a) + push(b) + [operation]) == result)
    #expect(error(push(a) + [operation]) == .stackUnderflow)
  }

  @Test func unaryOperations() throws {
    #expect(try value(push(0) + [0x0E]) == 1)
    #expect(try value(push(5) + [0x0E]) == 0)
    #expect(try value(push(5) + [0x12]) == ~5)
    #expect(try value(push(0x80) + [0x16, 8]) == minus(0x80))
    #expect(try value(push(0x17F) + [0x16, 8]) == 0x7F)
    #expect(try value(push(0x1FF) + [0x2A, 8]) == 0xFF)
    #expect(try value(push(.max) + [0x2A, 64]) == .max)
    #expect(try value(push(.max) + [0x16, 200]) == .max)
    #expect(try value(push(.max) + [0x2A, 0]) == 0)
  }

  @Test func divisionByZeroIsAnError() {
    for operation in UInt8(0x05)...0x08 {
      #expect(error(push(1) + push(0) + [operation, end]) == .divisionByZero)
    }
  }

  @Test func memoryAndRegisters() throws {
    #expect(try value(push(0x10) + [0x17]) == 0x10)
    #expect(try value(push(0x10) + [0x18]) == 0x1110)
    #expect(try value(push(0x10) + [0x19]) == 0x1312_1110)
    #expect(try value(push(0x10) + [0x1A]) == 0x1716_1514_1312_1110)
    #expect(error(push(0x1_0000) + [0x17, end]) == .unreadable(0x1_0000))
    #expect(try value([0x26, 0, 16]) == 256)
    #expect(error([0x26, 1, 0, end]) == .noSuchRegister(256))
  }

  @Test func jumps() throws {
    // if_goto 12; const8 1; end; ...; const8 2
    let code: [UInt8] = [0x20, 0, 8, 0x22, 1, end, 0, 0, 0x22, 2, end]
    #expect(try value([0x22, 1, 0x20, 0, 10, 0x22, 1, end, 0, 0, 0x22, 2]) == 2)
    #expect(try value([0x22, 0, 0x20, 0, 10, 0x22, 1, end, 0, 0, 0x22, 2]) == 1)
    #expect(try value([0x21, 0, 5, 0x22, 1, 0x22, 3]) == 3)
    #expect(error(code) == .stackUnderflow)
    #expect(error([0x21, 0, 0]) == .endless)
    #expect(error([0x21, 0xFF, 0xFF]) == .truncated)
  }

  @Test func theStackIsRearranged() throws {
    let three = push(1) + push(2) + push(3)
    #expect(try value(three + [0x28, 0x02]) == 6)
    #expect(try value(three + [0x29]) == 2)
    #expect(try value(three + [0x2B]) == 2)
    #expect(try value(three + [0x2B, 0x29]) == 3)
    #expect(try value(three + [0x32, 2]) == 1)
    #expect(try value(three + [0x33]) == 2)
    #expect(try value(three + [0x33, 0x29]) == 1)
    #expect(try value(three + [0x33, 0x29, 0x29]) == 3)
    #expect(error(three + [0x32, 3, end]) == .stackUnderflow)
    #expect(error(push(1) + push(2) + [0x33, end]) == .stackUnderflow)
    #expect(error([0x22, 1, 0x28, 0x21, 0, 2]) == .stackOverflow)
  }

  @Test func variablesAndTraces() throws {
    let surroundings = Surroundings()
    let code = push(9) + [0x2D, 0, 7, 0x29, 0x2C, 0, 7, end]
    #expect(try AgentExpression(code).evaluate(in: surroundings) == 9)
    #expect(surroundings.variables == [7: 9])
    #expect(try value(push(5) + push(1) + push(2) + [0x0C]) == 5)
    #expect(try value(push(5) + push(1) + push(2) + [0x2F]) == 5)
    #expect(try value(push(5) + [0x0D, 4, 0x2E, 0, 1, 0x30, 1, 0]) == 5)
  }

  @Test func whatGDBNeverMakesIsAnError() {
    for operation: UInt8 in [0x00, 0x01, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x31, 0x35, 0xFF] {
      #expect(error(push(1) + push(1) + [operation, end]) == .invalidOperation(operation))
    }
    #expect(error([0x25, 1, 2]) == .truncated)
    #expect(error([]) == .truncated)
  }

  private func printed(_ format: String, _ arguments: [UInt64]) throws -> String {
    let surroundings = Surroundings()
    var code = arguments.reversed().flatMap(push) + push(0) + push(0)
    let bytes = Array(format.utf8) + [0]
    code += [0x34, UInt8(arguments.count), UInt8(bytes.count >> 8), UInt8(bytes.count & 0xFF)]
    _ = try AgentExpression(code + bytes + [end]).evaluate(in: surroundings)
    return surroundings.shown
  }

  @Test func formattedPrints() throws {
    #expect(try printed("n=%d\\n", [5]) == "n=5\n")
    #expect(try printed("%d %u %x", [minus(1), minus(1), 0xAB]) == "-1 4294967295 ab")
    #expect(try printed("%ld %lx", [minus(1), minus(1)]) == "-1 ffffffffffffffff")
    #expect(try printed("[%5d|%-5d|%05d]", [42, 42, 42]) == "[   42|42   |00042]")
    #expect(try printed("%+d % d %#x %#o %X", [1, 1, 255, 8, 255]) == "+1  1 0xff 010 FF")
    #expect(try printed("%hhd %hd", [0x180, 0x18000]) == "-128 -32768")
    #expect(try printed("%c%c%%", [0x41, 0x42]) == "AB%")
    #expect(try printed("%p", [0x1000]) == "0x1000")
    #expect(try printed("%.3s|%6.2s", [0x41, 0x61]) == "ABC|    ab")
    #expect(try printed("\\t\\\\\\x\\101", []) == "\t\\xA")
    #expect(try printed("%f %d", [1]) == "? 0")
    #expect(try printed("%9999999999d", [1]).utf8.count == 1024)
    #expect(try printed("%", []) == "")
  }
}

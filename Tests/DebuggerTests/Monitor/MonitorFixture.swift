import Debugger
import Emulator
import TestImages

/// A monitor on a machine that stands before its first instruction.
struct MonitorFixture {
  let monitor: Monitor

  init(_ image: [UInt8], processors: Int = 1) throws {
    let machine = try Guests.image(image, processors: processors)
    monitor = Monitor(Debuggee(machine), symbols: ProgramSymbols(machine.image?.elf))
  }

  init(code: [UInt8], processors: Int = 1) throws {
    try self.init(ELFBuilder(code: code).build(), processors: processors)
  }

  /// Does a line.
  @discardableResult
  func callAsFunction(_ line: String) -> String { monitor.execute(line) }

  /// Sums the numbers from ten down in `add`, which `main` calls; then stores and powers off.
  static let sum: [UInt8] = {
    var code: [UInt8] = [
      0xB9, 10, 0, 0, 0,  // 100000: MOV ECX, 10
      0x31, 0xC0,  // 100005: XOR EAX, EAX
      0xE8, 0x14, 0, 0, 0,  // 100007: CALL add
      0xFF, 0xC9,  // 10000C: DEC ECX
      0x75, 0xF7,  // 10000E: JNZ 100007
      0x67, 0xA3, 0, 0x20, 0x10, 0,  // 100010: MOV [102000], EAX
    ]
    // 100016: power off, but for its HLT, which nobody reaches.
    code += TestCode.powerOff.dropLast()
    code += [0x01, 0xC8, 0xC3]  // 100020: ADD EAX, ECX; RET
    return code
  }()

  /// The same with symbols.
  static let sumImage: [UInt8] = {
    var builder = ELFBuilder(code: sum)
    builder.symbols = [("main", 0x10_0000, 0x20), ("add", 0x10_0020, 3)]
    return builder.build()
  }()

  /// A monitor on `sum`.
  static func summing() throws -> MonitorFixture { try MonitorFixture(sumImage) }
}

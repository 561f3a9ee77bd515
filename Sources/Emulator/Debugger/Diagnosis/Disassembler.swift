import CZydis
import Emulator

/// The text of machine code, by Zydis.
package struct Disassembler {
  /// One instruction.
  package struct Line: Equatable {
    package let address: UInt64
    package let length: Int
    package let text: String
  }

  let mode: ZydisMachineMode

  /// A disassembler for the code that a processor executes in `mode`.
  package init(mode: ExecutionMode) {
    if mode.contains(.long) {
      self.mode = ZYDIS_MACHINE_MODE_LONG_64
    } else if mode.contains(.big) {
      self.mode = ZYDIS_MACHINE_MODE_LEGACY_32
    } else if mode.contains(.real) || mode.contains(.virtual8086) {
      self.mode = ZYDIS_MACHINE_MODE_REAL_16
    } else {
      self.mode = ZYDIS_MACHINE_MODE_LEGACY_16
    }
  }

  /// The instruction at the beginning of `bytes`, nil if there is none.
  package func line(_ bytes: ArraySlice<UInt8>, at address: UInt64) -> Line? {
    var decoded = ZydisDisassembledInstruction()
    let status = bytes.withUnsafeBytes {
      ZydisDisassembleIntel(mode, address, $0.baseAddress, $0.count, &decoded)
    }
    // A status with bit 31 set is a failure.
    guard status & 0x8000_0000 == 0 else { return nil }
    let text = withUnsafeBytes(of: &decoded.text) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    return Line(address: address, length: Int(decoded.info.length), text: text)
  }

  /// The instructions of `bytes` from its beginning on, at most `limit` and not beyond what cannot
  /// be decoded.
  package func lines(_ bytes: ArraySlice<UInt8>, at address: UInt64, limit: Int) -> [Line] {
    var lines: [Line] = []
    var rest = bytes
    var next = address
    while lines.count < limit, let line = line(rest, at: next) {
      lines.append(line)
      rest = rest.dropFirst(line.length)
      next &+= UInt64(line.length)
    }
    return lines
  }
}

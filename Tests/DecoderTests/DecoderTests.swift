import Emulator
import Foundation
import Testing

/// The decoder against Zydis, on random byte strings.
///
/// `DECODER_STRINGS` sets how many strings each mode decodes, `DECODER_SEED` which ones.
@Suite("Decoder against Zydis")
struct DecoderTests {
  private static let modes: [(name: String, mode: ExecutionMode)] = [
    ("64-bit", [.long, .bigStack, .flat]), ("32-bit", [.big, .bigStack, .flat]), ("16-bit", []),
  ]

  private static func parameter(_ name: String, or standard: UInt64) -> UInt64 {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? standard
  }

  /// What a run found.
  private struct Findings {
    /// The first example of each kind of difference, and how often it occurred.
    var differences: [String: (example: String, count: Int)] = [:]
    /// Which intended differences occurred.
    var intended: Set<String> = []
    /// Strings that are an instruction.
    var valid = 0
  }

  private func run(mode: ExecutionMode, count: UInt64, seed: UInt64, into findings: inout Findings)
  {
    let comparison = Comparison()
    let referenceDecoder = ReferenceDecoder(mode: mode)
    var strings = ByteStrings(seed: seed)
    var bytes = [UInt8](repeating: 0, count: ByteStrings.length)
    for _ in 0..<count {
      strings.next(into: &bytes, rexIsPrefix: mode.contains(.long))
      let instruction = Decoder.instruction(bytes, mode: mode)
      let reference = referenceDecoder.decode(bytes, count: bytes.count)
      if reference.isSupported { findings.valid += 1 }
      guard let difference = comparison.difference(instruction, reference) else { continue }
      let reason = IntendedDifference.all.first { $0.explains(difference, instruction) }
      if let reason {
        findings.intended.insert(reason.name)
      } else {
        let kind = "\(difference) of \(instruction?.mnemonic ?? .invalid)"
        let example = bytes.map { String($0, radix: 16) }.joined(separator: " ")
        findings.differences[kind, default: (example, 0)].count += 1
      }
    }
  }

  @Test("Validity, length, sizes and operands agree")
  func agreement() {
    let count = Self.parameter("DECODER_STRINGS", or: 400_000)
    let seed = Self.parameter("DECODER_SEED", or: 1)
    var intended: Set<String> = []
    for (name, mode) in Self.modes {
      var findings = Findings()
      run(mode: mode, count: count, seed: seed, into: &findings)
      for (kind, found) in findings.differences.sorted(by: { $0.key < $1.key }) {
        Issue.record("\(name): \(kind), \(found.count) times; first: \(found.example)")
      }
      // Strings that are mostly invalid would compare nothing.
      #expect(findings.valid > count / 5)
      intended.formUnion(findings.intended)
    }
    guard count >= 400_000 else { return }
    for difference in IntendedDifference.all where !intended.contains(difference.name) {
      Issue.record("\(difference.name) no longer differs: take it out of the table")
    }
  }
}

/// The opcode maps of SDM volume 2, Appendix A, as rows.
///
/// Rows are indexed by map, mandatory prefix and opcode; the rows of a group follow behind.
public final class OpcodeTable: Sendable {
  /// Mandatory-prefix columns.
  enum Prefix: Int {
    case none
    case x66
    case xF3
    case xF2
  }

  /// One-byte, 0F, 0F 38 and 0F 3A, then the last three with a VEX prefix.
  static let maps = 7
  static let groupStart = maps * 4 * 256
  static let capacity = groupStart + 16 * 64

  /// The table; built once, never changed.
  public static let shared = OpcodeTable()

  nonisolated(unsafe) let rows: UnsafePointer<OpcodeRow>

  private init() {
    let memory = UnsafeMutablePointer<OpcodeRow>.allocate(capacity: Self.capacity)
    memory.initialize(repeating: OpcodeRow(), count: Self.capacity)
    var builder = OpcodeTableBuilder(rows: memory)
    builder.oneByteMap()
    builder.twoByteMap()
    builder.systemRows()
    builder.threeByteMap38()
    builder.threeByteMap3A()
    builder.vexMaps()
    rows = UnsafePointer(memory)
  }

  deinit { rows.deallocate() }

  @inline(__always) func row(map: Int, prefix: Int, opcode: UInt8) -> OpcodeRow {
    rows[(map &* 4 &+ prefix) &* 256 &+ Int(opcode)]
  }

  @inline(__always) func groupRow(_ row: OpcodeRow, modRM: UInt8) -> OpcodeRow {
    let reg = Int(modRM >> 3 & 7)
    return rows[Int(row.groupBase) &+ reg &+ (modRM >= 0xC0 ? 8 : 0)]
  }
}

/// Fills the table, one line an opcode.
struct OpcodeTableBuilder {
  let rows: UnsafeMutablePointer<OpcodeRow>
  var nextGroup = OpcodeTable.groupStart
  var map = 0

  init(rows: UnsafeMutablePointer<OpcodeRow>) { self.rows = rows }

  /// One row, for every mandatory prefix.
  func row(
    _ opcode: Int, _ mnemonic: Mnemonic, _ a: OperandCode = .none, _ b: OperandCode = .none,
    _ c: OperandCode = .none, _ attributes: OpcodeAttributes = [],
    feature: ProcessorFeature = .baseline
  ) {
    for prefix in 0..<4 {
      rows[(map * 4 + prefix) * 256 + opcode] = OpcodeRow(
        mnemonic: mnemonic, operand0: a, operand1: b, operand2: c, attributes: attributes,
        feature: feature)
    }
  }

  /// One row for two operands and attributes.
  func row(
    _ opcode: Int, _ mnemonic: Mnemonic, _ a: OperandCode, _ b: OperandCode,
    _ attributes: OpcodeAttributes
  ) { row(opcode, mnemonic, a, b, .none, attributes) }

  /// One row for one operand and attributes.
  func row(
    _ opcode: Int, _ mnemonic: Mnemonic, _ a: OperandCode, _ attributes: OpcodeAttributes
  ) { row(opcode, mnemonic, a, .none, .none, attributes) }

  /// One row for no operands and attributes.
  func row(
    _ opcode: Int, _ mnemonic: Mnemonic, _ attributes: OpcodeAttributes,
    feature: ProcessorFeature = .baseline
  ) {
    row(opcode, mnemonic, .none, .none, .none, attributes, feature: feature)
  }

  /// One row that only a mandatory prefix selects.
  func row(
    _ prefix: OpcodeTable.Prefix, _ opcode: Int, _ mnemonic: Mnemonic, _ a: OperandCode = .none,
    _ b: OperandCode = .none, _ c: OperandCode = .none, _ attributes: OpcodeAttributes = [],
    feature: ProcessorFeature = .baseline
  ) {
    rows[(map * 4 + prefix.rawValue) * 256 + opcode] = OpcodeRow(
      mnemonic: mnemonic, operand0: a, operand1: b, operand2: c, attributes: attributes,
      feature: feature)
  }

  /// The same with two operands and attributes.
  func row(
    _ prefix: OpcodeTable.Prefix, _ opcode: Int, _ mnemonic: Mnemonic, _ a: OperandCode,
    _ b: OperandCode, _ attributes: OpcodeAttributes, feature: ProcessorFeature = .baseline
  ) { row(prefix, opcode, mnemonic, a, b, .none, attributes, feature: feature) }

  /// One row without named operands that only a mandatory prefix selects.
  func row(
    _ prefix: OpcodeTable.Prefix, _ opcode: Int, _ mnemonic: Mnemonic,
    _ attributes: OpcodeAttributes, feature: ProcessorFeature = .baseline
  ) { row(prefix, opcode, mnemonic, .none, .none, attributes, feature: feature) }

  /// A group: `members` by reg field, for memory and, unless given apart, registers too.
  mutating func group(
    _ opcode: Int, only prefixes: [OpcodeTable.Prefix] = [.none, .x66, .xF3, .xF2],
    _ memory: [OpcodeRow], registers: [OpcodeRow]? = nil
  ) {
    let base = nextGroup
    nextGroup += 16
    for reg in 0..<8 {
      if reg < memory.count { rows[base + reg] = memory[reg] }
      let other = registers ?? memory
      if reg < other.count, !other[reg].operand0.isMemoryOnly { rows[base + 8 + reg] = other[reg] }
    }
    for prefix in prefixes {
      rows[(map * 4 + prefix.rawValue) * 256 + opcode] = OpcodeRow(
        attributes: .group, groupBase: UInt16(base))
    }
  }

  /// A member of a group.
  func member(
    _ mnemonic: Mnemonic, _ a: OperandCode = .none, _ b: OperandCode = .none,
    _ attributes: OpcodeAttributes = [], feature: ProcessorFeature = .baseline
  ) -> OpcodeRow {
    OpcodeRow(
      mnemonic: mnemonic, operand0: a, operand1: b, attributes: attributes, feature: feature)
  }
}

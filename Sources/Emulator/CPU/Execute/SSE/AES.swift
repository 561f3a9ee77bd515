/// The AES instructions: one round on a state of sixteen bytes, byte 4c + r being row r of column c.
///
/// SDM volume 1, "Intel AES-NI Overview"; FIPS 197.
enum AES {
  typealias State = SIMD16<UInt8>
  typealias Columns = SIMD4<UInt32>

  /// AESIMC, AESENC, AESENCLAST, AESDEC, AESDECLAST: opcodes DB to DF of the 0F 38 map.
  static func apply(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    let tables = AESTables.shared
    switch opcode {
    case 0xDB:
      // The table undoes the substitution too, so that is done first.
      let state = b.mapping(as: State.self) { tables.substitution[Int($0)] }
      return mix(state.elements(State.self), by: tables.unmixed)
    case 0xDC: return mix(shiftRows(a, by: 1), by: tables.mixed) ^ b
    case 0xDD: return substitute(shiftRows(a, by: 1), by: tables.substitution) ^ b
    case 0xDE: return mix(shiftRows(a, by: 3), by: tables.unmixed) ^ b
    default: return substitute(shiftRows(a, by: 3), by: tables.inverse) ^ b
    }
  }

  /// AESKEYGENASSIST.
  static func assistKeyGeneration(_ source: UInt128, constant: UInt8) -> UInt128 {
    let substituted = substitute(source.elements(State.self), by: AESTables.shared.substitution)
    let words = substituted.elements(Columns.self)
    func rotated(_ word: UInt32) -> UInt32 { (word >> 8 | word << 24) ^ UInt32(constant) }
    return UInt128(elements: Columns(words[1], rotated(words[1]), words[3], rotated(words[3])))
  }

  /// ShiftRows, or with `step` 3 InvShiftRows: row r rotated by r × `step` columns.
  @inline(__always) private static func shiftRows(_ a: UInt128, by step: Int) -> State {
    let state = a.elements(State.self)
    var result = state
    for k in 0..<16 { result[k] = state[(k &+ 4 &* step &* (k & 3)) & 15] }
    return result
  }

  @inline(__always)
  private static func substitute(_ state: State, by table: InlineArray<256, UInt8>) -> UInt128 {
    var result = state
    for k in 0..<16 { result[k] = table[Int(state[k])] }
    return UInt128(elements: result)
  }

  /// Substitutes and mixes each column by a table for its row 0, rotated for the other rows.
  @inline(__always)
  private static func mix(_ state: State, by table: InlineArray<256, UInt32>) -> UInt128 {
    var columns = Columns()
    for k in 0..<16 {
      let column = table[Int(state[k])]
      let bits = UInt32(k & 3) &* 8
      columns[k >> 2] ^= column &<< bits | column >> (32 &- bits)
    }
    return UInt128(elements: columns)
  }
}

/// The substitutions of AES, and those followed by the mixing of a column.
struct AESTables {
  /// The S-box.
  private(set) var substitution = InlineArray<256, UInt8>(repeating: 0)
  /// Its inverse.
  private(set) var inverse = InlineArray<256, UInt8>(repeating: 0)
  /// What a byte in row 0 gives in SubBytes and MixColumns.
  private(set) var mixed = InlineArray<256, UInt32>(repeating: 0)
  /// What a byte in row 0 gives in InvSubBytes and InvMixColumns.
  private(set) var unmixed = InlineArray<256, UInt32>(repeating: 0)

  /// The tables; built once, never changed.
  static let shared = AESTables()

  private init() {
    // 3 generates all non-zero elements of the field: `p` runs up, its inverse `q` down.
    var (p, q): (UInt8, UInt8) = (1, 1)
    repeat {
      p = p ^ Self.doubled(p)
      // Division by 3 is multiplication by F6.
      q = Self.product(q, 0xF6)
      set(p, Self.affine(q))
    } while p != 1
    set(0, 0x63)
    for x in 0..<256 {
      mixed[x] = Self.column(substitution[x], [2, 1, 1, 3])
      unmixed[x] = Self.column(inverse[x], [14, 9, 13, 11])
    }
  }

  private mutating func set(_ x: UInt8, _ y: UInt8) {
    substitution[Int(x)] = y
    inverse[Int(y)] = x
  }

  private static func affine(_ q: UInt8) -> UInt8 {
    func rotated(_ n: UInt8) -> UInt8 { q &<< n | q &>> (8 &- n) }
    return q ^ rotated(1) ^ rotated(2) ^ rotated(3) ^ rotated(4) ^ 0x63
  }

  private static func doubled(_ a: UInt8) -> UInt8 { a &<< 1 ^ (a & 0x80 != 0 ? 0x1B : 0) }

  private static func product(_ a: UInt8, _ b: UInt8) -> UInt8 {
    var (a, b, sum): (UInt8, UInt8, UInt8) = (a, b, 0)
    while b != 0 {
      if b & 1 != 0 { sum ^= a }
      a = doubled(a)
      b >>= 1
    }
    return sum
  }

  private static func column(_ x: UInt8, _ factors: [UInt8]) -> UInt32 {
    factors.reversed().reduce(0) { $0 &<< 8 | UInt32(product(x, $1)) }
  }
}

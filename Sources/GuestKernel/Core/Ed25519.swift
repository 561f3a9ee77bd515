/// Ed25519: signatures of 64 bytes that a public key of 32 bytes verifies.
///
/// RFC 8032, on the curve -x² + y² = 1 + d x² y² modulo 2²⁵⁵ - 19.
/// The kernel only verifies; the build signs. Nothing here hides a secret from someone who measures
/// time: a verifier has none, and the build is alone.
package enum Ed25519 {
  /// True when `signature` is that of the holder of `key` on `message`.
  package static func verify(
    _ signature: [UInt8], of message: UnsafeRawBufferPointer, by key: [UInt8]
  ) -> Bool {
    guard signature.count == 64, key.count == 32, let point = CurvePoint(encoded: key) else {
      return false
    }
    let proof = Scalar(bytes: Array(signature[32...]))
    guard proof.isReduced else { return false }
    let first = Array(signature[..<32])
    let challenge = hash(first, key, message)
    // S B = R + k A, so R = S B - k A.
    let result = CurvePoint.combine(proof, .base, challenge, point.negated)
    return result.encoded == first
  }

  /// The public key of a secret of 32 bytes.
  package static func publicKey(of secret: [UInt8]) -> [UInt8] {
    CurvePoint.combine(expand(secret).scalar, .base, Scalar(), .base).encoded
  }

  package static func sign(_ message: UnsafeRawBufferPointer, with secret: [UInt8]) -> [UInt8] {
    let (scalar, prefix) = expand(secret)
    let nonce = hash(prefix, [], message)
    let first = CurvePoint.combine(nonce, .base, Scalar(), .base).encoded
    let challenge = hash(first, publicKey(of: secret), message)
    return first + challenge.times(scalar).plus(nonce).bytes
  }

  private static func expand(_ secret: [UInt8]) -> (scalar: Scalar, prefix: [UInt8]) {
    var digest = SHA512.digest(secret)
    digest[0] &= 0xf8
    digest[31] = digest[31] & 0x7f | 0x40
    return (Scalar(reducing: Array(digest[..<32])), Array(digest[32...]))
  }

  private static func hash(
    _ a: [UInt8], _ b: [UInt8], _ message: UnsafeRawBufferPointer
  ) -> Scalar {
    var hash = SHA512()
    a.withUnsafeBytes { hash.update($0) }
    b.withUnsafeBytes { hash.update($0) }
    hash.update(message)
    return Scalar(reducing: hash.finish())
  }
}

/// A number modulo the order of the base point, 2²⁵² + 27742317777372353535851937790883648493.
struct Scalar {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  private static let order: (UInt64, UInt64, UInt64, UInt64) = (
    0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 0x1000_0000_0000_0000
  )

  init() {}

  private static var one: Scalar {
    var one = Scalar()
    one.words.0 = 1
    return one
  }

  /// Takes 32 bytes as they are, the least significant first.
  init(bytes: [UInt8]) {
    words = bytes.withUnsafeBytes { ($0.word64(0), $0.word64(8), $0.word64(16), $0.word64(24)) }
  }

  /// The remainder of a number of any length.
  init(reducing bytes: [UInt8]) {
    for byte in bytes.reversed() {
      for bit in stride(from: UInt8(7), through: 0, by: -1) {
        double()
        if byte >> bit & 1 != 0 { self = plus(.one) }
      }
    }
  }

  var isReduced: Bool { isBelow(Self.order) }

  private func isBelow(_ other: (UInt64, UInt64, UInt64, UInt64)) -> Bool {
    if words.3 != other.3 { return words.3 < other.3 }
    if words.2 != other.2 { return words.2 < other.2 }
    if words.1 != other.1 { return words.1 < other.1 }
    return words.0 < other.0
  }

  func bit(_ index: Int) -> Bool {
    let word =
      switch index >> 6 {
      case 0: words.0
      case 1: words.1
      case 2: words.2
      default: words.3
      }
    return word >> UInt64(index & 63) & 1 != 0
  }

  private mutating func double() { self = plus(self) }

  /// The sum of two reduced numbers: below 2²⁵⁴, so nothing is carried out.
  func plus(_ other: Scalar) -> Scalar {
    var sum = Scalar()
    var carry: UInt64 = 0
    (sum.words.0, carry) = Self.add(words.0, other.words.0, 0)
    (sum.words.1, carry) = Self.add(words.1, other.words.1, carry)
    (sum.words.2, carry) = Self.add(words.2, other.words.2, carry)
    (sum.words.3, carry) = Self.add(words.3, other.words.3, carry)
    if !sum.isReduced { sum.subtractOrder() }
    return sum
  }

  func times(_ other: Scalar) -> Scalar {
    var product = Scalar()
    for index in stride(from: 255, through: 0, by: -1) {
      product.double()
      if bit(index) { product = product.plus(other) }
    }
    return product
  }

  private mutating func subtractOrder() {
    var carry: UInt64 = 1  // a - b is a + ~b + 1
    (words.0, carry) = Self.add(words.0, ~Self.order.0, carry)
    (words.1, carry) = Self.add(words.1, ~Self.order.1, carry)
    (words.2, carry) = Self.add(words.2, ~Self.order.2, carry)
    (words.3, carry) = Self.add(words.3, ~Self.order.3, carry)
  }

  private static func add(_ a: UInt64, _ b: UInt64, _ carry: UInt64) -> (UInt64, UInt64) {
    let (first, over) = a.addingReportingOverflow(b)
    let (second, more) = first.addingReportingOverflow(carry)
    return (second, over || more ? 1 : 0)
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    for word in [words.0, words.1, words.2, words.3] {
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> shift))
      }
    }
    return bytes
  }
}

/// What is kept of a password: enough to check one, too little to find it out.
///
/// The password and a random salt go through HMAC-SHA-512 thousands of times. The salt makes equal passwords
/// look different, the repetition makes guessing slow. RFC 8018 (PBKDF2), RFC 2104 (HMAC).
/// Written as `$pbkdf2-sha512$ROUNDS$SALT$HASH`, the last two in hexadecimal.
package struct PasswordHash: Equatable {
  package let rounds: Int
  package let salt: [UInt8]
  package let hash: [UInt8]

  private static let name: StaticString = "pbkdf2-sha512"
  private static let mostRounds = 1_000_000

  package init(_ password: [UInt8], salt: [UInt8], rounds: Int) {
    self.rounds = rounds
    self.salt = salt
    hash = Self.derive(password, salt, rounds)
  }

  /// From its written form; nil when it is not one.
  package init?(_ text: [UInt8]) {
    let parts = text.split(separator: 0x24, omittingEmptySubsequences: false).map { Array($0) }
    guard parts.count == 5, parts[0].isEmpty, parts[1].equals(Self.name),
      let rounds = parts[2].decimal, rounds > 0, rounds <= UInt64(Self.mostRounds),
      let salt = Self.bytes(parts[3]), let hash = Self.bytes(parts[4]), hash.count == 64
    else { return nil }
    self.rounds = Int(rounds)
    self.salt = salt
    self.hash = hash
  }

  package var text: [UInt8] {
    let head: TextLine = "$\(Self.name)$\(rounds)$"
    return head.withBytes { Array($0) } + Self.digits(salt) + [0x24] + Self.digits(hash)
  }

  /// Takes equally long wherever the two differ first.
  package func matches(_ password: [UInt8]) -> Bool {
    let other = Self.derive(password, salt, rounds)
    var difference: UInt8 = 0
    for index in hash.indices { difference |= hash[index] ^ other[index] }
    return difference == 0
  }

  /// The first block of PBKDF2, which is as long as the hash.
  private static func derive(_ password: [UInt8], _ salt: [UInt8], _ rounds: Int) -> [UInt8] {
    let code = MessageCode(key: password)
    var last = code.of(salt + [0, 0, 0, 1])
    var result = last
    for _ in 1..<max(rounds, 1) {
      last = code.of(last)
      for index in result.indices { result[index] ^= last[index] }
    }
    return result
  }

  private static func digits(_ bytes: [UInt8]) -> [UInt8] {
    let figures = [UInt8](text: "0123456789abcdef")
    return bytes.flatMap { [figures[Int($0 >> 4)], figures[Int($0 & 15)]] }
  }

  private static func bytes(_ digits: [UInt8]) -> [UInt8]? {
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x61...0x66: digit - 0x61 + 10
    default: nil
    }
  }
}

/// HMAC-SHA-512 with the two keyed blocks hashed beforehand.
private struct MessageCode {
  private var inner = SHA512()
  private var outer = SHA512()

  init(key: [UInt8]) {
    var key = key
    if key.count > 128 {
      var hash = SHA512()
      key.withUnsafeBytes { hash.update($0) }
      key = hash.finish()
    }
    key += [UInt8](repeating: 0, count: 128 - key.count)
    key.map { $0 ^ 0x36 }.withUnsafeBytes { inner.update($0) }
    key.map { $0 ^ 0x5c }.withUnsafeBytes { outer.update($0) }
  }

  func of(_ message: [UInt8]) -> [UInt8] {
    var first = inner
    message.withUnsafeBytes { first.update($0) }
    var second = outer
    first.finish().withUnsafeBytes { second.update($0) }
    return second.finish()
  }
}

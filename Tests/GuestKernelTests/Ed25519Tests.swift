import GuestKernel
import Testing

/// Bytes of hexadecimal digits.
private func bytes(_ hex: String) -> [UInt8] {
  var bytes: [UInt8] = []
  var digits = hex[...]
  while let byte = UInt8(digits.prefix(2), radix: 16) {
    bytes.append(byte)
    digits = digits.dropFirst(2)
  }
  return bytes
}

private func verify(_ signature: [UInt8], _ message: [UInt8], _ key: [UInt8]) -> Bool {
  message.withUnsafeBytes { Ed25519.verify(signature, of: $0, by: key) }
}

@Suite struct Ed25519Tests {
  struct Vector: Sendable {
    let secret, key, message, signature: String
  }

  /// RFC 8032, "Test Vectors for Ed25519".
  static let vectors = [
    Vector(
      secret: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      key: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", message: "",
      signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    Vector(
      secret: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", message: "72",
      signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    Vector(
      secret: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      key: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", message: "af82",
      signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
  ]

  @Test(arguments: vectors) func vectorsOfTheRFC(vector: Vector) {
    let message = bytes(vector.message)
    #expect(Ed25519.publicKey(of: bytes(vector.secret)) == bytes(vector.key))
    let signature = message.withUnsafeBytes { Ed25519.sign($0, with: bytes(vector.secret)) }
    #expect(signature == bytes(vector.signature))
    #expect(verify(signature, message, bytes(vector.key)))
  }

  @Test func anyChangedBitIsNoticed() {
    let vector = Self.vectors[2]
    let (message, signature) = (bytes(vector.message), bytes(vector.signature))
    for bit in stride(from: 0, to: 512, by: 7) {
      var wrong = signature
      wrong[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(!verify(wrong, message, bytes(vector.key)))
    }
    #expect(!verify(signature, message + [0], bytes(vector.key)))
    #expect(!verify(signature, message, bytes(Self.vectors[1].key)))
    #expect(!verify([], message, bytes(vector.key)))
  }

  /// S and S + L would both satisfy the equation; only the one below L is a signature.
  @Test func aSignatureHasOneForm() {
    let vector = Self.vectors[0]
    var signature = bytes(vector.signature)
    let order = bytes("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
    var carry = 0
    for index in 0..<32 {
      carry += Int(signature[32 + index]) + Int(order[index])
      signature[32 + index] = UInt8(truncatingIfNeeded: carry)
      carry >>= 8
    }
    #expect(!verify(signature, [], bytes(vector.key)))
  }

  /// FIPS 180-4 examples: one block, two blocks, and a length that fills a block.
  @Test func hashes() {
    let abc =
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
      + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    #expect(SHA512.digest(Array("abc".utf8)) == bytes(abc))
    let empty =
      "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
      + "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
    #expect(SHA512.digest([]) == bytes(empty))
    let text =
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
      + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
    let long =
      "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
      + "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"
    #expect(SHA512.digest(Array(text.utf8)) == bytes(long))
    var parts = SHA512()
    for byte in text.utf8 { [byte].withUnsafeBytes { parts.update($0) } }
    #expect(parts.finish() == bytes(long))
  }
}

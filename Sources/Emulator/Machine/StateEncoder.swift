/// A deterministic binary encoder for device and machine states.
///
/// Equal values give equal bytes on every host and in every process: integers are little-endian at
/// their own width, `Int` is 64 bits, the fields of a keyed container are sorted by key. States
/// hold no `Set` and no dictionary whose keys are neither `String` nor `Int`; their order of
/// iteration differs from process to process.
public struct StateEncoder {
  /// Makes an encoder.
  public init() {}

  /// The bytes of `value`.
  public func encode(_ value: some Encodable) throws -> [UInt8] {
    let node = EncodingNode()
    try value.encode(to: NodeEncoder(node: node))
    var bytes: [UInt8] = []
    node.write(to: &bytes)
    return bytes
  }

  /// The 64-bit digest of `value`'s bytes.
  public func digest(_ value: some Encodable) throws -> UInt64 {
    var digest = StateDigest()
    digest.add(try encode(value))
    return digest.value
  }
}

/// One value on its way to bytes; containers fill it in whatever order they are asked to.
private final class EncodingNode {
  private var scalar: [UInt8] = []
  private var fields: [(key: String, node: EncodingNode)] = []
  private(set) var elements: [EncodingNode] = []
  private var isKeyed = false
  private var isUnkeyed = false

  func markKeyed() { isKeyed = true }
  func markUnkeyed() { isUnkeyed = true }

  func child(_ key: String) -> EncodingNode {
    let node = EncodingNode()
    fields.append((key, node))
    return node
  }

  func appendElement() -> EncodingNode {
    let node = EncodingNode()
    elements.append(node)
    return node
  }

  func set<Number: FixedWidthInteger>(_ number: Number) {
    scalar = Self.bytes(number)
  }

  func set(_ string: String) {
    scalar = Self.bytes(UInt64(string.utf8.count)) + Array(string.utf8)
  }

  /// Fast path: an array of bytes, the same as element by element; disks have megabytes of them.
  func set(_ array: [UInt8]) {
    scalar = Self.bytes(UInt64(array.count)) + array
  }

  /// A present optional and a nil must differ, so nil is a mark of its own.
  func setNil() { scalar = [0xFF] }

  func write(to bytes: inout [UInt8]) {
    bytes += scalar
    if isKeyed {
      bytes += Self.bytes(UInt64(fields.count))
      for field in fields.sorted(by: { $0.key < $1.key }) {
        bytes += Self.bytes(UInt64(field.key.utf8.count))
        bytes += field.key.utf8
        field.node.write(to: &bytes)
      }
    }
    if isUnkeyed {
      bytes += Self.bytes(UInt64(elements.count))
      for element in elements { element.write(to: &bytes) }
    }
  }

  private static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }
}

private struct NodeEncoder: Encoder {
  let node: EncodingNode
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    node.markKeyed()
    return KeyedEncodingContainer(Keyed<Key>(node: node))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    node.markUnkeyed()
    return Unkeyed(node: node)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { Single(node: node) }
}

private struct Single: SingleValueEncodingContainer {
  let node: EncodingNode
  var codingPath: [any CodingKey] { [] }

  func encodeNil() { node.setNil() }
  func encode(_ value: Bool) { node.set(value ? 1 as UInt8 : 0) }
  func encode(_ value: String) { node.set(value) }
  func encode(_ value: Double) { node.set(value.bitPattern) }
  func encode(_ value: Float) { node.set(value.bitPattern) }
  func encode(_ value: Int) { node.set(Int64(value)) }
  func encode(_ value: Int8) { node.set(value) }
  func encode(_ value: Int16) { node.set(value) }
  func encode(_ value: Int32) { node.set(value) }
  func encode(_ value: Int64) { node.set(value) }
  func encode(_ value: UInt) { node.set(UInt64(value)) }
  func encode(_ value: UInt8) { node.set(value) }
  func encode(_ value: UInt16) { node.set(value) }
  func encode(_ value: UInt32) { node.set(value) }
  func encode(_ value: UInt64) { node.set(value) }

  func encode<Value: Encodable>(_ value: Value) throws {
    try value.encode(to: NodeEncoder(node: node))
  }
}

private struct Unkeyed: UnkeyedEncodingContainer {
  let node: EncodingNode
  var codingPath: [any CodingKey] { [] }
  var count: Int { node.elements.count }

  func encodeNil() { node.appendElement().setNil() }

  func encode<Value: Encodable>(_ value: Value) throws {
    try value.encode(to: NodeEncoder(node: node.appendElement()))
  }

  func nestedContainer<Key>(keyedBy keyType: Key.Type) -> KeyedEncodingContainer<Key> {
    NodeEncoder(node: node.appendElement()).container(keyedBy: keyType)
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    NodeEncoder(node: node.appendElement()).unkeyedContainer()
  }

  func superEncoder() -> any Encoder { NodeEncoder(node: node.appendElement()) }
}

private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let node: EncodingNode
  var codingPath: [any CodingKey] { [] }

  func encodeNil(forKey key: Key) { node.child(key.stringValue).setNil() }

  func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
    if let bytes = value as? [UInt8] { return node.child(key.stringValue).set(bytes) }
    try value.encode(to: NodeEncoder(node: node.child(key.stringValue)))
  }

  func nestedContainer<NestedKey>(
    keyedBy keyType: NestedKey.Type, forKey key: Key
  ) -> KeyedEncodingContainer<NestedKey> {
    NodeEncoder(node: node.child(key.stringValue)).container(keyedBy: keyType)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    NodeEncoder(node: node.child(key.stringValue)).unkeyedContainer()
  }

  func superEncoder() -> any Encoder { NodeEncoder(node: node.child("super")) }
  func superEncoder(forKey key: Key) -> any Encoder {
    NodeEncoder(node: node.child(key.stringValue))
  }
}

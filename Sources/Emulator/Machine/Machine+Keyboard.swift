extension Machine {
  /// Types text on the PS/2 keyboard, key by key; what no key stands for is left out.
  ///
  /// A US keyboard's layout; the escape sequences of a terminal's cursor keys are those keys.
  public func typeKeys(_ text: some Sequence<UInt8>) {
    receive(Array(text), port: InputLog.keyboard)
  }

  /// Presses and releases the key that is due.
  func releaseHeldKeys() {
    guard let strokes = heldKeys.take(now: now) else { return }
    for (key, isPressed) in strokes {
      if isPressed { chipset.keyboard.press(key) } else { chipset.keyboard.release(key) }
    }
  }
}

/// Keys that are still to be typed: a keyboard has little room, and a hand takes its time.
struct HeldKeys: Codable {
  /// From one key to the next.
  private static let interval: UInt64 = 20_000_000

  private var bytes = ByteQueue()
  private var next: UInt64 = 0

  var isEmpty: Bool { bytes.isEmpty }

  /// When the next key is due, `.max` if there is none.
  var deadline: UInt64 { isEmpty ? .max : next }

  mutating func append(_ text: [UInt8], now: UInt64) {
    if isEmpty { next = max(next, now) }
    for byte in text { bytes.append(byte) }
  }

  /// What the hand does now.
  mutating func take(now: UInt64) -> [(key: Key, isPressed: Bool)]? {
    guard now >= deadline, let first = bytes.popFirst() else { return nil }
    next = now.addingClamped(Self.interval)
    guard first == 0x1B, bytes.first == UInt8(ascii: "[") else {
      return Keystroke(first)?.strokes ?? []
    }
    _ = bytes.popFirst()
    return Keystroke(sequence: bytes.popFirst() ?? 0)?.strokes ?? []
  }

  func add(to digest: inout StateDigest) {
    guard !isEmpty else { return }
    digest.add(next)
    var rest = bytes
    while let byte = rest.popFirst() { digest.add([byte]) }
  }
}

/// A key with those that are held meanwhile.
struct Keystroke: Equatable {
  var key: Key
  var isShifted = false
  var isControl = false

  private static let shift = Key(0x2A)
  private static let control = Key(0x1D)
  /// The keys from code 02h on without and with Shift.
  private static let rows: [(first: UInt8, plain: String, shifted: String)] = [
    (0x02, "1234567890-=", "!@#$%^&*()_+"), (0x10, "qwertyuiop[]", "QWERTYUIOP{}"),
    (0x1E, "asdfghjkl;'`", "ASDFGHJKL:\"~"), (0x2B, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
  ]

  /// The key for a byte that a terminal sends.
  init?(_ byte: UInt8) {
    switch byte {
    case 0x0D, 0x0A: self.init(key: Key(0x1C))
    case 0x08, 0x7F: self.init(key: Key(0x0E))
    case 0x09: self.init(key: Key(0x0F))
    case 0x1B: self.init(key: Key(0x01))
    case 0x20: self.init(key: Key(0x39))
    case 0x01...0x1A:
      guard let letter = Keystroke(byte + 0x60) else { return nil }
      self.init(key: letter.key, isControl: true)
    default:
      for row in Self.rows {
        for (characters, isShifted) in [(row.plain, false), (row.shifted, true)] {
          guard let index = Array(characters.utf8).firstIndex(of: byte) else { continue }
          self.init(key: Key(row.first + UInt8(index)), isShifted: isShifted)
          return
        }
      }
      return nil
    }
  }

  /// The key for the last byte of a terminal's sequence ESC [ x.
  init?(sequence byte: UInt8) {
    switch byte {
    case UInt8(ascii: "A"): self.init(key: Key(0x48, isExtended: true))
    case UInt8(ascii: "B"): self.init(key: Key(0x50, isExtended: true))
    case UInt8(ascii: "C"): self.init(key: Key(0x4D, isExtended: true))
    case UInt8(ascii: "D"): self.init(key: Key(0x4B, isExtended: true))
    case UInt8(ascii: "H"): self.init(key: Key(0x47, isExtended: true))
    case UInt8(ascii: "F"): self.init(key: Key(0x4F, isExtended: true))
    default: return nil
    }
  }

  private init(key: Key, isShifted: Bool = false, isControl: Bool = false) {
    self.key = key
    self.isShifted = isShifted
    self.isControl = isControl
  }

  /// Every key that goes down and up, in order.
  var strokes: [(key: Key, isPressed: Bool)] {
    var keys: [Key] = []
    if isShifted { keys.append(Self.shift) }
    if isControl { keys.append(Self.control) }
    keys.append(key)
    return keys.map { ($0, true) } + keys.reversed().map { ($0, false) }
  }
}

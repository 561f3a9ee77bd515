/// The devices of major 1: nothing, zeroes, randomness, the kernel's log, and the BIOS area.
import KernelArch

private enum Minor {
  static let memory: UInt32 = 1
  static let null: UInt32 = 3
  static let zero: UInt32 = 5
  static let full: UInt32 = 7
  static let random: UInt32 = 8
  static let unlimitedRandom: UInt32 = 9
  static let log: UInt32 = 11
}

enum MemoryDevices {
  static func start() {
    add(NullDevice(), Minor.null, 0o666)
    add(ZeroDevice(), Minor.zero, 0o666)
    add(FullDevice(), Minor.full, 0o666)
    add(RandomDevice("random"), Minor.random, 0o666)
    add(RandomDevice("urandom"), Minor.unlimitedRandom, 0o666)
    add(LogDevice(), Minor.log, 0o644)
    add(FirmwareMemory(), Minor.memory, 0o400)
  }

  private static func add(_ device: CharacterDevice, _ minor: UInt32, _ permissions: UInt16) {
    guard CharacterDevices.register(device, major: 1, minors: minor..<minor + 1) != nil else {
      return
    }
    DeviceNodes.announce(
      device.name, .characterDevice, DeviceNumber(1, minor), permissions: permissions,
      className: "mem")
  }
}

/// Takes everything, has nothing.
private final class NullDevice: CharacterDevice {
  init() { super.init("null") }
  override func read(
    _ file: DeviceFile, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int { 0 }
  override func write(
    _ file: DeviceFile, _ buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int { buffer.count }
  override func seek(
    _ file: DeviceFile, _ offset: Int64, _ origin: SeekOrigin
  ) throws(SystemFailure) -> UInt64 { 0 }
}

/// Takes everything, has zeroes without end.
private final class ZeroDevice: CharacterDevice {
  init() { super.init("zero") }
  override var isStream: Bool { false }
  override func read(
    _ file: DeviceFile, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    return buffer.count
  }
  override func write(
    _ file: DeviceFile, _ buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int { buffer.count }
  override func seek(
    _ file: DeviceFile, _ offset: Int64, _ origin: SeekOrigin
  ) throws(SystemFailure) -> UInt64 { 0 }
}

/// Like zero, but has no room: programs test what they do when a disk is full.
private final class FullDevice: CharacterDevice {
  init() { super.init("full") }
  override var isStream: Bool { false }
  override func read(
    _ file: DeviceFile, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    return buffer.count
  }
  override func write(
    _ file: DeviceFile, _ buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int { throw SystemFailure(.noSpace) }
}

/// Random bytes from a cipher; what is written is mixed in.
private final class RandomDevice: CharacterDevice {
  override var isStream: Bool { false }
  override func read(
    _ file: DeviceFile, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    Randomness.fill(buffer)
    return buffer.count
  }
  override func write(
    _ file: DeviceFile, _ buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int {
    Randomness.mix(buffer)
    return buffer.count
  }
}

/// The kernel's log: what is written becomes a line of it.
private final class LogDevice: CharacterDevice {
  init() { super.init("kmsg") }

  override func read(
    _ file: DeviceFile, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    let slice = KernelLog.read(from: Int(file.position), limit: buffer.count)
    slice.bytes.withUnsafeBytes { buffer.copyMemory(from: $0) }
    file.position = UInt64(slice.next)
    return slice.bytes.count
  }

  override func write(
    _ file: DeviceFile, _ buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int {
    var line: [UInt8] = []
    for byte in buffer where byte != 0x0a && line.count < 200 { line.append(byte) }
    log("user", "\(text: line)")
    return buffer.count
  }
}

/// Physical memory as far as reading it is harmless: the BIOS area from E0000h to FFFFFh.
private final class FirmwareMemory: CharacterDevice {
  private let range: Range<UInt64> = 0xe0000..<0x10_0000
  init() { super.init("mem") }

  override func read(
    _ file: DeviceFile, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    let at = file.position
    guard range.contains(at), let target = buffer.baseAddress else {
      throw SystemFailure(.notPermitted)
    }
    let count = min(buffer.count, Int(range.upperBound - at))
    target.copyMemory(from: PhysicalAddress(at).pointer, byteCount: count)
    file.position = at + UInt64(count)
    return count
  }

  override func seek(
    _ file: DeviceFile, _ offset: Int64, _ origin: SeekOrigin
  ) throws(SystemFailure) -> UInt64 {
    file.position = try OpenFile.target(
      offset, origin, position: file.position, end: range.upperBound)
    return file.position
  }

  override func page(_ file: DeviceFile, _ index: UInt64) throws(SystemFailure) -> PhysicalAddress {
    guard range.contains(index * pageSize) else { throw SystemFailure(.notPermitted) }
    return PhysicalAddress(index * pageSize)
  }
}

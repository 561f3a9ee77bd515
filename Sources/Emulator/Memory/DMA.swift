/// A device's way to guest RAM: bus mastering.
///
/// Addresses and counts come from guests, so each transfer is refused as a whole unless all of it
/// is RAM. Code that was decoded from written bytes is dropped, as by a processor's store; a device
/// therefore transfers between instructions, from a timer, and not while it is accessed.
public final class DMA {
  private let memory: PhysicalMemory

  /// Whether transfers are allowed; the bus master bit of a PCI function.
  public var isEnabled = true

  /// Makes a way to `memory`.
  public init(_ memory: PhysicalMemory) { self.memory = memory }

  /// Whether a range could be transferred.
  public func reaches(_ address: UInt64, count: UInt64) -> Bool {
    isEnabled && count <= memory.size
      && memory.contains(PhysicalAddress(address), count: Int(truncatingIfNeeded: count))
  }

  /// Where a range lies on the host, if it lies together there.
  private func together(_ address: UInt64, count: UInt64, isWrite: Bool) -> UnsafeMutableRawPointer?
  {
    guard memory.contiguousCount(from: address) >= count else { return nil }
    let place = PhysicalAddress(address)
    return isWrite ? memory.ram.writableHost(place) : memory.ram.host(place)
  }

  /// Calls `body` with the bytes of a range of memory, which it may only read.
  ///
  /// Returns false, without a call, if any byte of the range is no memory.
  public func withBytes(
    at address: UInt64, count: UInt64, _ body: (UnsafeRawBufferPointer) -> Bool
  ) -> Bool {
    guard reaches(address, count: count) else { return false }
    if let host = together(address, count: count, isWrite: false) {
      return body(UnsafeRawBufferPointer(start: host, count: Int(truncatingIfNeeded: count)))
    }
    return read(address, count: count)?.withUnsafeBytes(body) ?? false
  }

  /// Calls `body` with room for the bytes of a range of memory, which it is to fill.
  ///
  /// Returns false, without a call, if any byte of the range is no memory; what is read-only there
  /// stays as it is.
  public func fillBytes(
    at address: UInt64, count: UInt64, _ body: (UnsafeMutableRawBufferPointer) -> Bool
  ) -> Bool {
    guard reaches(address, count: count) else { return false }
    let length = Int(truncatingIfNeeded: count)
    if let host = together(address, count: count, isWrite: true) {
      defer { memory.noteWrite(PhysicalAddress(address), count: count) }
      return body(UnsafeMutableRawBufferPointer(start: host, count: length))
    }
    var bytes = [UInt8](repeating: 0, count: length)
    return bytes.withUnsafeMutableBytes(body) && write(address, bytes)
  }

  /// Copies bytes out of RAM, nil if any of them is not RAM.
  public func read(_ address: UInt64, count: UInt64) -> [UInt8]? {
    guard reaches(address, count: count) else { return nil }
    return memory.read(PhysicalAddress(address), count: Int(truncatingIfNeeded: count))
  }

  /// Copies bytes into RAM; false, with nothing written, if any place is not RAM.
  @discardableResult
  public func write(_ address: UInt64, _ bytes: [UInt8]) -> Bool {
    guard isEnabled else { return false }
    return bytes.withUnsafeBytes { memory.write(PhysicalAddress(address), $0) }
  }

  /// Reads a little-endian number.
  public func read<Number: FixedWidthInteger & UnsignedInteger>(
    _ address: UInt64, as type: Number.Type
  ) -> Number? {
    var number: Number = 0
    let isRead = withBytes(at: address, count: UInt64(MemoryLayout<Number>.size)) {
      number = $0.loadUnaligned(as: Number.self)
      return true
    }
    return isRead ? Number(littleEndian: number) : nil
  }

  /// Writes a little-endian number.
  @discardableResult
  public func write(_ address: UInt64, _ number: some FixedWidthInteger & UnsignedInteger) -> Bool {
    guard isEnabled else { return false }
    return withUnsafeBytes(of: number.littleEndian) {
      memory.write(PhysicalAddress(address), $0)
    }
  }
}

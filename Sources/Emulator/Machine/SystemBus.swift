/// The bus of the machine: finds the device behind a port or an address.
///
/// What nobody answers reads as all ones. An access that only partly lies in a device's range is
/// made byte by byte, as the chipset of a PC splits it.
final class SystemBus: Bus {
  private struct Region {
    let start: UInt64
    let size: UInt64
    let device: any BusDevice
    /// The device's offset at `start`.
    var firstOffset: UInt64 = 0

    func contains(_ address: UInt64) -> Bool { address &- start < size }
  }

  private static let portCount = 0x1_0000

  /// Index in `ports` plus one of each port's device, zero for ports that nobody answers.
  private let portOwners: UnsafeMutablePointer<UInt8>
  private var ports: [Region] = []
  private var regions: [Region] = []

  /// The local APIC of the processor whose turn it is: each sees its own page, which it may move.
  var localAPIC: any BusDevice & InterruptSource

  init(localAPIC: any BusDevice & InterruptSource) {
    self.localAPIC = localAPIC
    portOwners = .allocate(capacity: Self.portCount)
    portOwners.initialize(repeating: 0, count: Self.portCount)
  }

  deinit { portOwners.deallocate() }

  // MARK: Wiring

  /// Puts `device`, from its offset `first` on, at `count` ports from `port` on.
  func attach(_ device: any BusDevice, port: UInt16, count: UInt16, from first: UInt64 = 0) {
    ports.append(
      Region(
        start: UInt64(port), size: UInt64(count), device: device, firstOffset: first))
    precondition(ports.count <= UInt8.max)
    for offset in 0..<Int(count) {
      portOwners[Int(port) + offset] = UInt8(ports.count)
    }
  }

  /// Puts `device` at `size` bytes from `address` on.
  func attach(_ device: any BusDevice, address: UInt64, size: UInt64) {
    regions.append(Region(start: address, size: size, device: device))
  }

  // MARK: Ports

  func readPort(_ port: UInt16, size: AccessSize) -> UInt64 {
    guard let region = portRegion(port) else {
      return size == .byte ? 0xFF : splitRead(size) { readPort(port &+ UInt16($0), size: .byte) }
    }
    let offset = UInt64(port) &- region.start
    guard size == .byte || offset &+ UInt64(size.rawValue) <= region.size else {
      return splitRead(size) { readPort(port &+ UInt16($0), size: .byte) }
    }
    return region.device.read(offset: offset &+ region.firstOffset, size: size) & size.mask
  }

  func writePort(_ port: UInt16, size: AccessSize, value: UInt64) {
    let region = portRegion(port)
    let offset = UInt64(port) &- (region?.start ?? 0)
    if let region, size == .byte || offset &+ UInt64(size.rawValue) <= region.size {
      return region.device.write(
        offset: offset &+ region.firstOffset, size: size, value: value & size.mask)
    }
    guard size != .byte else { return }
    splitWrite(size, value) { writePort(port &+ UInt16($0), size: .byte, value: $1) }
  }

  private func portRegion(_ port: UInt16) -> Region? {
    let owner = portOwners[Int(port)]
    return owner == 0 ? nil : ports[Int(owner) - 1]
  }

  // MARK: Memory-mapped devices

  func readMMIO(_ address: PhysicalAddress, size: AccessSize) -> UInt64 {
    guard let region = region(at: address.value) else {
      // RAM or a device may begin in the middle of a misaligned access, but not of these.
      return size.mask
    }
    let offset = address.value &- region.start
    guard offset &+ UInt64(size.rawValue) <= region.size else {
      return splitRead(size) { readMMIO(address + UInt64($0), size: .byte) }
    }
    return region.device.read(offset: offset, size: size) & size.mask
  }

  func writeMMIO(_ address: PhysicalAddress, size: AccessSize, value: UInt64) {
    guard let region = region(at: address.value) else { return }
    let offset = address.value &- region.start
    guard offset &+ UInt64(size.rawValue) <= region.size else {
      return splitWrite(size, value) {
        writeMMIO(address + UInt64($0), size: .byte, value: $1)
      }
    }
    region.device.write(offset: offset, size: size, value: value & size.mask)
  }

  private func region(at address: UInt64) -> Region? {
    // Quirk: apic-page-over-ram. The processor asks the bus only where there is no RAM.
    if let base = localAPIC.mmioBase, address &- base < MemoryMap.devicePageSize {
      return Region(start: base, size: MemoryMap.devicePageSize, device: localAPIC)
    }
    return regions.first { $0.contains(address) }
  }

  // MARK: Split accesses

  private func splitRead(_ size: AccessSize, _ read: (UInt8) -> UInt64) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<size.rawValue {
      value |= (read(index) & 0xFF) &<< (UInt64(index) &* 8)
    }
    return value
  }

  private func splitWrite(_ size: AccessSize, _ value: UInt64, _ write: (UInt8, UInt64) -> Void) {
    for index in 0..<size.rawValue {
      write(index, value &>> (UInt64(index) &* 8) & 0xFF)
    }
  }
}

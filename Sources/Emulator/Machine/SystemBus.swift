/// The bus of the machine: finds the device behind a port or an address.
///
/// What nobody answers reads as all ones. An access that only partly lies in a device's range is
/// made byte by byte, as the chipset of a PC splits it. Some devices have their place for good;
/// others, as PCI functions, come, move and go, and give way to the former.
package final class SystemBus: Bus {
  private static let portCount = 0x1_0000

  /// Index in `ports` plus one of each port's device, zero for ports that nobody answers.
  private let portOwners: UnsafeMutablePointer<UInt8>
  private var ports: [BusRegion] = []
  /// Disjoint and in ascending order.
  private var regions: [BusRegion] = []

  private var fixed: [BusRegion] = []
  private var sources: [() -> [BusRegion]] = []

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
    fixed.append(
      BusRegion(
        .ports, start: UInt64(port), size: UInt64(count), device: device, firstOffset: first))
    rebuild()
  }

  /// Puts `device` at `size` bytes from `address` on.
  func attach(_ device: any BusDevice, address: UInt64, size: UInt64) {
    fixed.append(BusRegion(.memory, start: address, size: size, device: device))
    rebuild()
  }

  /// Asks `source` for more regions whenever something has moved.
  func attach(source: @escaping () -> [BusRegion]) {
    sources.append(source)
    rebuild()
  }

  /// Finds out anew where everything is.
  ///
  /// Among devices that move, the first to claim an address has it. Nothing here depends on the
  /// order of moves, so that a restored machine is wired the same.
  func rebuild() {
    let moving = sources.flatMap { $0() }
    rebuildPorts(moving.filter { $0.space == .ports })
    regions = []
    for region in fixed + moving where region.space == .memory { insert(region) }
  }

  private func rebuildPorts(_ moving: [BusRegion]) {
    let own = fixed.filter { $0.space == .ports }
    // Behind the last one-byte number there is nothing; no machine has so many devices.
    ports = Array((own + moving).prefix(Int(UInt8.max)))
    portOwners.update(repeating: 0, count: Self.portCount)
    // Of devices that stay the last wired wins, as CF9h does inside CF8h to CFFh.
    let order = Array(ports.indices.dropFirst(own.count).reversed()) + Array(own.indices)
    for index in order {
      let region = ports[index]
      let end = min(region.start &+ region.size, UInt64(Self.portCount))
      for port in min(region.start, end)..<end { portOwners[Int(port)] = UInt8(index + 1) }
    }
  }

  /// Every place where a device answers, the local APIC of the current processor too.
  var allRegions: [BusRegion] {
    let page = localAPIC.mmioBase.map {
      BusRegion(.memory, start: $0, size: MemoryMap.devicePageSize, device: localAPIC)
    }
    return ports + regions + (page.map { [$0] } ?? [])
  }

  /// Adds the parts of a region that nobody has yet.
  private func insert(_ region: BusRegion) {
    var start = region.start
    let last = region.start &+ (region.size &- 1)
    guard region.size > 0, last >= start else { return }
    func add(to end: UInt64) {
      let size = end &- start &+ 1
      regions.append(
        BusRegion(
          .memory, start: start, size: size, device: region.device,
          firstOffset: region.firstOffset &+ (start &- region.start)))
    }
    for taken in regions where taken.start <= last && taken.start &+ (taken.size &- 1) >= start {
      if taken.start > start { add(to: taken.start &- 1) }
      let takenLast = taken.start &+ (taken.size &- 1)
      guard takenLast < last else { return regions.sort { $0.start < $1.start } }
      start = takenLast &+ 1
    }
    add(to: last)
    regions.sort { $0.start < $1.start }
  }

  // MARK: Looking

  /// Every range of ports and addresses with the device that answers there.
  package var placements: [BusRegion] { ports + regions }

  /// The range that an address which is not RAM lies in.
  package func placement(of address: PhysicalAddress) -> BusRegion? { region(at: address.value) }

  // MARK: Ports

  package func readPort(_ port: UInt16, size: AccessSize) -> UInt64 {
    guard let region = portRegion(port) else {
      return size == .byte ? 0xFF : splitRead(size) { readPort(port &+ UInt16($0), size: .byte) }
    }
    let offset = UInt64(port) &- region.start
    guard size == .byte || offset &+ UInt64(size.rawValue) <= region.size else {
      return splitRead(size) { readPort(port &+ UInt16($0), size: .byte) }
    }
    return region.device.read(offset: offset &+ region.firstOffset, size: size) & size.mask
  }

  package func writePort(_ port: UInt16, size: AccessSize, value: UInt64) {
    let region = portRegion(port)
    let offset = UInt64(port) &- (region?.start ?? 0)
    if let region, size == .byte || offset &+ UInt64(size.rawValue) <= region.size {
      return region.device.write(
        offset: offset &+ region.firstOffset, size: size, value: value & size.mask)
    }
    guard size != .byte else { return }
    splitWrite(size, value) { writePort(port &+ UInt16($0), size: .byte, value: $1) }
  }

  private func portRegion(_ port: UInt16) -> BusRegion? {
    let owner = portOwners[Int(port)]
    return owner == 0 ? nil : ports[Int(owner) - 1]
  }

  // MARK: Memory-mapped devices

  package func readMMIO(_ address: PhysicalAddress, size: AccessSize) -> UInt64 {
    guard let region = region(at: address.value) else {
      // RAM or a device may begin in the middle of a misaligned access, but not of these.
      return size.mask
    }
    let offset = address.value &- region.start
    guard offset &+ UInt64(size.rawValue) <= region.size else {
      return splitRead(size) { readMMIO(address + UInt64($0), size: .byte) }
    }
    return region.device.read(offset: offset &+ region.firstOffset, size: size) & size.mask
  }

  package func writeMMIO(_ address: PhysicalAddress, size: AccessSize, value: UInt64) {
    guard let region = region(at: address.value) else { return }
    let offset = address.value &- region.start
    guard offset &+ UInt64(size.rawValue) <= region.size else {
      return splitWrite(size, value) {
        writeMMIO(address + UInt64($0), size: .byte, value: $1)
      }
    }
    region.device.write(
      offset: offset &+ region.firstOffset, size: size, value: value & size.mask)
  }

  private func region(at address: UInt64) -> BusRegion? {
    // Quirk: apic-page-over-ram. The processor asks the bus only where there is no RAM.
    if let base = localAPIC.mmioBase, address &- base < MemoryMap.devicePageSize {
      return BusRegion(
        .memory, start: base, size: MemoryMap.devicePageSize, device: localAPIC)
    }
    var low = 0
    var high = regions.count
    while low < high {
      let middle = (low + high) / 2
      if regions[middle].start <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, regions[low - 1].contains(address) else { return nil }
    return regions[low - 1]
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

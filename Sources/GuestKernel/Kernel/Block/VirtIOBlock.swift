/// The driver of virtio disks: each transfer is a chain of a header, the memory, and a status byte,
/// which the device reads and writes by itself (DMA); an interrupt says when it has.
///
/// Virtual I/O Device (VIRTIO) Version 1.2, "Virtio Over PCI Bus" and "Block Device".
import KernelArch

final class VirtIOBlockDriver: Driver {
  private static let vendor: UInt16 = 0x1af4
  private static let models: [UInt16] = [0x1001, 0x1042]

  init() { super.init("virtio-blk") }

  override func matches(_ device: Device) -> Bool {
    guard let pci = device as? PCIDevice else { return false }
    return pci.vendor == VirtIOBlockDriver.vendor && VirtIOBlockDriver.models.contains(pci.model)
  }

  override func probe(_ device: Device) throws(SystemFailure) {
    guard let pci = device as? PCIDevice, let hardware = VirtIORegisters(pci) else {
      throw SystemFailure(.noSuchDevice)
    }
    pci.enable()
    pci.manage("bus mastering") { pci.disable() }
    let features = try hardware.negotiate(wanted: VirtIOBlock.wantedFeatures)
    guard let frame = Frames.allocate(order: 1, .zero) else { throw SystemFailure(.outOfMemory) }
    pci.manage("queue") { Frames.release(frame) }
    pci.manage("device") { hardware.reset() }
    guard let letter = DiskLetters.take() else { throw SystemFailure(.noSpace) }
    let disk = VirtIOBlock(hardware, frame, features, letter)
    let hasInterrupt = pci.connectMessage(0, "virtio-blk") {
      disk.handleInterrupt()
      return true
    }
    disk.begin(hasInterrupt: hasInterrupt)
    let entry = BlockDevices.add(disk, parent: pci)
    pci.manage("disk") {
      BlockDevices.remove(disk, entry)
      disk.end()
    }
    log(
      "virtio",
      "\(text: disk.name) at \(text: pci.name), \(disk.canFlush ? "write-back" as StaticString : "write-through"), \(hasInterrupt ? "MSI-X" as StaticString : "polled")"
    )
  }
}

/// The last letters of the disks' names: vda, vdb, ...
///
/// One is free again when nobody knows its disk any more, not when the driver leaves it.
private enum DiskLetters {
  private static let lock = SpinLock("disk letters")
  // A bit each. Lock: `lock`.
  nonisolated(unsafe) private static var taken: UInt32 = 0

  static func take() -> UInt32? {
    lock.withLock {
      let letter = UInt32((~taken).trailingZeroBitCount)
      guard letter < 26 else { return nil }
      taken |= 1 << letter
      return letter
    }
  }

  static func giveBack(_ letter: UInt32) { lock.withLock { taken &= ~(1 << letter) } }
}

/// A device's registers, found through its vendor-specific capabilities.
final class VirtIORegisters {
  private enum Status {
    static let acknowledge: UInt8 = 1
    static let driver: UInt8 = 2
    static let driverOK: UInt8 = 4
    static let featuresOK: UInt8 = 8
  }
  private enum Common {
    static let deviceFeatureSelect: UInt64 = 0
    static let deviceFeature: UInt64 = 4
    static let driverFeatureSelect: UInt64 = 8
    static let driverFeature: UInt64 = 12
    static let status: UInt64 = 20
    static let queueSelect: UInt64 = 22
    static let queueSize: UInt64 = 24
    static let queueVector: UInt64 = 26
    static let queueEnable: UInt64 = 28
    static let queueNotify: UInt64 = 30
    static let queueDescriptors: UInt64 = 32
    static let queueDriver: UInt64 = 40
    static let queueDevice: UInt64 = 48
  }

  private var common: UInt64 = 0
  private var notify: UInt64 = 0
  private var notifyMultiplier: UInt64 = 0
  private(set) var configuration: UInt64 = 0
  private var doorbell: UInt64 = 0

  init?(_ device: PCIDevice) {
    let vendorSpecific: UInt8 = 0x09
    for capability in device.capabilities where capability.id == vendorSpecific {
      let at = capability.offset
      let kind = device.address.read8(at + 3)
      guard kind >= 1, kind <= 4, let memory = device.memory(Int(device.address.read8(at + 4)))
      else { continue }
      let place = memory.base + UInt64(device.address.read32(at + 8))
      let length = UInt64(device.address.read32(at + 12))
      KernelSpace.ensureMapped(place, length: length, isDevice: true)
      let address = place.value &+ Layout.directMap
      switch kind {
      case 1: common = address
      case 2:
        notify = address
        notifyMultiplier = UInt64(device.address.read32(at + 16))
      case 4: configuration = address
      default: break
      }
    }
    if common == 0 || notify == 0 || configuration == 0 { return nil }
  }

  private func addStatus(_ bit: UInt8) {
    mmio_write8(common + Common.status, mmio_read8(common + Common.status) | bit)
  }

  func reset() {
    mmio_write8(common + Common.status, 0)
    while mmio_read8(common + Common.status) != 0 { cpu_pause() }
  }

  /// Takes of the wanted features what the device has; version 1 must be among it.
  func negotiate(wanted: UInt64) throws(SystemFailure) -> UInt64 {
    reset()
    addStatus(Status.acknowledge)
    addStatus(Status.driver)
    var offered: UInt64 = 0
    for word in 0..<2 as Range<UInt32> {
      mmio_write32(common + Common.deviceFeatureSelect, word)
      offered |= UInt64(mmio_read32(common + Common.deviceFeature)) << UInt64(word * 32)
    }
    let version1: UInt64 = 1 << 32
    let taken = offered & (wanted | version1)
    for word in 0..<2 as Range<UInt32> {
      mmio_write32(common + Common.driverFeatureSelect, word)
      mmio_write32(
        common + Common.driverFeature, UInt32(truncatingIfNeeded: taken >> UInt64(word * 32)))
    }
    addStatus(Status.featuresOK)
    guard taken & version1 != 0, mmio_read8(common + Common.status) & Status.featuresOK != 0
    else { throw SystemFailure(.notSupported) }
    mmio_write16(common + Common.queueSelect, 0)
    return taken
  }

  var queueSize: Int { Int(mmio_read16(common + Common.queueSize)) }

  func startQueue(_ queue: Virtqueue, hasMessage: Bool) {
    mmio_write16(common + Common.queueSelect, 0)
    mmio_write16(common + Common.queueSize, UInt16(queue.size))
    let none: UInt16 = 0xffff
    mmio_write16(common + Common.queueVector, hasMessage ? 0 : none)
    write64(Common.queueDescriptors, queue.descriptors.value)
    write64(Common.queueDriver, queue.available.value)
    write64(Common.queueDevice, queue.used.value)
    doorbell = notify + UInt64(mmio_read16(common + Common.queueNotify)) * notifyMultiplier
    mmio_write16(common + Common.queueEnable, 1)
    addStatus(Status.driverOK)
  }

  private func write64(_ register: UInt64, _ value: UInt64) {
    mmio_write32(common + register, UInt32(truncatingIfNeeded: value))
    mmio_write32(common + register + 4, UInt32(truncatingIfNeeded: value >> 32))
  }

  func ring() { mmio_write16(doorbell, 0) }
}

final class VirtIOBlock: BlockDevice {
  private enum Kind {
    static let read: UInt32 = 0
    static let write: UInt32 = 1
    static let flush: UInt32 = 4
  }
  private static let flushFeature: UInt64 = 1 << 9
  static let wantedFeatures = flushFeature
  /// The last one is for flushes.
  private static let slotCount = 4

  private let hardware: VirtIORegisters
  let canFlush: Bool
  private let letter: UInt32
  private let queueLock = SpinLock("virtqueue")
  // Lock for these: `queueLock`, also from interrupts.
  /// Nil when the driver has left the disk.
  private var queue: Virtqueue?
  /// What is under way, by slot: a header and a status byte of the second page.
  private var slots = [Slot?](repeating: nil, count: VirtIOBlock.slotCount)
  private let headers: PhysicalAddress
  /// Held by the one who flushes.
  private let flushing = Mutex("disk flush")

  private final class Flush {
    let done = Completion()
    /// Written before `done` is completed.
    var error: SystemError?
    init() {}
  }

  private enum Work {
    case transfer(DiskTransfer)
    case flush(Flush)
  }

  private struct Slot {
    let head: UInt16
    let work: Work
  }

  init(
    _ hardware: VirtIORegisters, _ frame: PhysicalAddress, _ features: UInt64, _ letter: UInt32
  ) {
    self.hardware = hardware
    self.letter = letter
    canFlush = features & VirtIOBlock.flushFeature != 0
    queue = Virtqueue(size: hardware.queueSize, frame: frame)
    headers = frame + pageSize
    let low = mmio_read32(hardware.configuration)
    let high = mmio_read32(hardware.configuration + 4)
    super.init(
      [UInt8](text: "vd") + [0x61 + UInt8(letter)], sectorCount: UInt64(high) << 32 | UInt64(low),
      number: DeviceNumber(252, letter * 16))
  }

  deinit { DiskLetters.giveBack(letter) }

  override var maximumInFlight: Int { VirtIOBlock.slotCount - 1 }

  /// False when the driver has left the disk.
  private func submit(
    _ kind: UInt32, _ sector: UInt64, _ memory: [Virtqueue.Segment], _ work: Work
  ) -> Bool {
    queueLock.withLockIRQ {
      guard queue != nil, let slot = freeSlot(for: kind) else { return false }
      let header = headers + UInt64(slot * 32)
      let place = header.pointer
      place.storeBytes(of: kind, as: UInt32.self)
      place.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
      place.storeBytes(of: sector, toByteOffset: 8, as: UInt64.self)
      place.storeBytes(of: 0xff, toByteOffset: 16, as: UInt8.self)
      let chain =
        [Virtqueue.Segment(address: header, length: 16, isForDevice: false)] + memory
        + [Virtqueue.Segment(address: header + 16, length: 1, isForDevice: true)]
      guard let head = queue?.add(chain) else { return false }
      slots[slot] = Slot(head: head, work: work)
      hardware.ring()
      return true
    }
  }

  private func freeSlot(for kind: UInt32) -> Int? {
    let last = VirtIOBlock.slotCount - 1
    for index in kind == Kind.flush ? last...last : 0...last - 1 where slots[index] == nil {
      return index
    }
    return nil
  }

  override func start(_ transfer: DiskTransfer) {
    var memory: [Virtqueue.Segment] = []
    for request in transfer.requests {
      let linear = LinearAddress(UInt64(UInt(bitPattern: request.bytes)))
      guard let physical = KernelSpace.tables.translate(linear) else {
        return finish(transfer, .badAddress)
      }
      memory.append(
        Virtqueue.Segment(
          address: physical, length: UInt32(request.count * sectorSize),
          isForDevice: !request.isWrite))
    }
    let kind = transfer.run.isWrite ? Kind.write : Kind.read
    if !submit(kind, transfer.run.sector, memory, .transfer(transfer)) {
      finish(transfer, .inputOutput)
    }
  }

  override func flushHardware() throws(SystemFailure) {
    guard canFlush else { return }
    let flush = Flush()
    flushing.lock()
    defer { flushing.unlock() }
    guard submit(Kind.flush, 0, [], .flush(flush)) else { throw SystemFailure(.inputOutput) }
    flush.done.wait()
    if let error = flush.error { throw SystemFailure(error) }
  }

  /// Ends what the device is done with.
  func handleInterrupt() {
    while true {
      let ended: (work: Work, status: UInt8)? = queueLock.withLockIRQ {
        guard let head = queue?.take() else { return nil }
        for index in 0..<VirtIOBlock.slotCount {
          guard let slot = slots[index], slot.head == head else { continue }
          slots[index] = nil
          let status = (headers + UInt64(index * 32) + 16).pointer.load(as: UInt8.self)
          return (slot.work, status)
        }
        return nil
      }
      guard let ended else { break }
      finish(ended.work, ended.status == 0 ? nil : .inputOutput)
    }
    dispatch()
  }

  private func finish(_ work: Work, _ error: SystemError?) {
    switch work {
    case .transfer(let transfer): finish(transfer, error)
    case .flush(let flush):
      flush.error = error
      flush.done.complete()
    }
  }
}

// MARK: Beginning and end

extension VirtIOBlock {
  func begin(hasInterrupt: Bool) {
    if let queue { hardware.startQueue(queue, hasMessage: hasInterrupt) }
    if hasInterrupt { return }
    // Somebody has to look.
    Thread.spawn("virtio-poll") {
      while self.queueLock.withLockIRQ({ self.queue != nil }) {
        Thread.sleep(nanoseconds: 200_000)
        self.handleInterrupt()
      }
    }
  }

  /// The driver leaves the disk, whoever still uses it: what is under way and all that comes fails.
  ///
  /// Afterwards neither the device nor anybody here looks at the queue's memory.
  func end() {
    var left = [Slot?](repeating: nil, count: VirtIOBlock.slotCount)
    queueLock.withLockIRQ {
      queue = nil
      swap(&left, &slots)
    }
    // First the device forgets the memory of the requests, then their owners get it back.
    hardware.reset()
    for slot in left { if let slot { finish(slot.work, .inputOutput) } }
    dispatch()
  }
}

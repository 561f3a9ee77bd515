/// The PCI bus: finding devices, and what their configuration space says about them.
///
/// PCI Local Bus Specification, "Configuration Space"; access by the ports CF8h and CFCh
/// ("configuration mechanism #1"), which every PC has.
import KernelArch

struct PCIAddress {
  let bus: UInt8
  let slot: UInt8
  let function: UInt8

  private static let addressPort: UInt16 = 0xcf8
  private static let dataPort: UInt16 = 0xcfc
  private static let lock = SpinLock("pci ports")

  private func select(_ offset: UInt16) {
    let enable: UInt32 = 1 << 31
    let place = UInt32(bus) << 16 | UInt32(slot) << 11 | UInt32(function) << 8
    outl(PCIAddress.addressPort, enable | place | UInt32(offset & 0xfc))
  }

  func read32(_ offset: UInt16) -> UInt32 {
    PCIAddress.lock.withLockIRQ {
      select(offset)
      return inl(PCIAddress.dataPort)
    }
  }

  func read16(_ offset: UInt16) -> UInt16 {
    UInt16(truncatingIfNeeded: read32(offset) >> (UInt32(offset & 2) * 8))
  }

  func read8(_ offset: UInt16) -> UInt8 {
    UInt8(truncatingIfNeeded: read32(offset) >> (UInt32(offset & 3) * 8))
  }

  func write32(_ offset: UInt16, _ value: UInt32) {
    PCIAddress.lock.withLockIRQ {
      select(offset)
      outl(PCIAddress.dataPort, value)
    }
  }

  /// Status is the upper half of the same word: writing ones there would clear bits, zeroes do not.
  func writeCommand(_ value: UInt16) { write32(4, UInt32(value)) }

  func write16(_ offset: UInt16, _ value: UInt16) {
    let shift = UInt32(offset & 2) * 8
    write32(offset, read32(offset) & ~(0xffff << shift) | (UInt32(value) << shift))
  }

  /// Such as 00:1f.2.
  var text: [UInt8] {
    var line = TextLine()
    PCIAddress.appendHex(bus, &line)
    line.append(":")
    PCIAddress.appendHex(slot, &line)
    line.append(".")
    line.append(decimal: UInt64(function))
    return line.withBytes { Array($0) }
  }

  private static func appendHex(_ value: UInt8, _ line: inout TextLine) {
    for digit in [value >> 4, value & 15] {
      line.append(byte: digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }
}

final class PCIDevice: Device {
  struct Capability {
    let id: UInt8
    let offset: UInt16
  }

  let address: PCIAddress
  let vendor: UInt16
  let model: UInt16
  /// Class, subclass and programming interface.
  let classCode: UInt32

  init(_ address: PCIAddress, parent: Device) {
    self.address = address
    vendor = address.read16(0)
    model = address.read16(2)
    classCode = address.read32(8) >> 8
    super.init(address.text, parent: parent)
  }

  /// The list that begins at offset 34h, when bit 4 of the status says there is one.
  var capabilities: [Capability] {
    guard address.read16(6) & 0x10 != 0 else { return [] }
    var list: [Capability] = []
    var at = UInt16(address.read8(0x34) & 0xfc)
    while at >= 0x40, list.count < 48 {
      list.append(Capability(id: address.read8(at), offset: at))
      at = UInt16(address.read8(at + 1) & 0xfc)
    }
    return list
  }

  func capability(_ id: UInt8) -> Capability? {
    for capability in capabilities where capability.id == id { return capability }
    return nil
  }

  /// A base address register: where the device's memory is; nil for ports, and where there is none.
  func memory(_ index: Int) -> (base: PhysicalAddress, size: UInt64)? {
    guard index < 6 else { return nil }
    let offset = UInt16(0x10 + index * 4)
    let low = address.read32(offset)
    guard low & 1 == 0 else { return nil }
    let isWide = low >> 1 & 3 == 2
    // Writing ones and reading back shows which address bits the device decodes.
    let command = address.read16(4)
    address.writeCommand(command & ~3)
    address.write32(offset, .max)
    var mask = UInt64(address.read32(offset) & ~15)
    address.write32(offset, low)
    var base = UInt64(low & ~15)
    if isWide {
      let high = address.read32(offset + 4)
      address.write32(offset + 4, .max)
      mask |= UInt64(address.read32(offset + 4)) << 32
      address.write32(offset + 4, high)
      base |= UInt64(high) << 32
    } else {
      mask |= 0xffff_ffff << 32
    }
    address.writeCommand(command)
    guard mask & 0xffff_fff0 != 0 || isWide, mask != 0, base != 0 else { return nil }
    return (PhysicalAddress(base), ~mask &+ 1)
  }

  /// Lets the device decode its memory and read and write ours.
  func enable() {
    let memoryAndMaster: UInt16 = 0x6
    let noLineInterrupt: UInt16 = 0x400
    address.writeCommand(address.read16(4) | memoryAndMaster | noLineInterrupt)
  }

  func disable() { address.writeCommand(address.read16(4) & ~0x4) }

  /// Connects the MSI-X interrupt `entry` of the device; false when it has none.
  func connectMessage(
    _ entry: Int, _ name: StaticString, _ handler: @escaping () -> Bool
  ) -> Bool {
    let messagesID: UInt8 = 0x11
    guard let capability = capability(messagesID) else { return false }
    let table = address.read32(capability.offset + 4)
    guard let memory = memory(Int(table & 7)),
      let message = IRQ.requestMessage(name, [], handler)
    else { return false }
    manage("interrupt") { IRQ.free(message.handler) }
    let at = memory.base + UInt64(table & ~7) + UInt64(entry * 16)
    KernelSpace.ensureMapped(at, length: 16, isDevice: true)
    let place = at.value &+ Layout.directMap
    mmio_write32(place, UInt32(truncatingIfNeeded: message.address))
    mmio_write32(place + 4, UInt32(truncatingIfNeeded: message.address >> 32))
    mmio_write32(place + 8, message.data)
    mmio_write32(place + 12, 0)  // not masked
    let isEnabled: UInt16 = 1 << 15
    let isMasked: UInt16 = 1 << 14
    let control = address.read16(capability.offset + 2)
    address.write16(capability.offset + 2, control & ~isMasked | isEnabled)
    return true
  }
}

enum PCI {
  static let bus = Bus("pci")
  private static let root = Device([UInt8](text: "pci0000:00"), parent: nil)
  nonisolated(unsafe) private static var devices: [PCIDevice] = []

  /// Finds all devices, beginning with bus 0.
  static func start() {
    scan(0)
    ProcFS.add("pci") { text in
      for device in devices {
        text.append(
          "\(text: device.name) class \(hex: device.classCode, digits: 6) id \(hex: device.vendor, digits: 4):\(hex: device.model, digits: 4) \(name(device.classCode))"
        )
        if let driver = device.driver { text.append(" (\(driver.name))") }
        text.append("\n")
      }
    }
  }

  private static func scan(_ bus: UInt8) {
    for slot in 0..<32 as Range<UInt8> {
      let first = PCIAddress(bus: bus, slot: slot, function: 0)
      guard first.read16(0) != 0xffff else { continue }
      let isMultiple = first.read8(0xe) & 0x80 != 0
      for function in 0..<(isMultiple ? 8 : 1) as Range<UInt8> {
        let address = PCIAddress(bus: bus, slot: slot, function: function)
        if address.read16(0) != 0xffff { found(address) }
      }
    }
  }

  private static func found(_ address: PCIAddress) {
    let device = PCIDevice(address, parent: root)
    devices.append(device)
    device.addAttribute("vendor") { $0.append("\(hex: device.vendor, digits: 4)\n") }
    device.addAttribute("device") { $0.append("\(hex: device.model, digits: 4)\n") }
    device.addAttribute("class") { $0.append("\(hex: device.classCode, digits: 6)\n") }
    device.addAttribute("resource") { text in
      for index in 0..<6 {
        if let memory = device.memory(index) {
          text.append("\(index) \(hex: memory.base.value) \(size: memory.size)\n")
        }
      }
    }
    Devices.add(device, to: bus)
    let bridge: UInt32 = 0x0604
    if device.classCode >> 8 == bridge { scan(address.read8(0x19)) }
  }

  /// The class in words.
  private static func name(_ code: UInt32) -> StaticString {
    switch code >> 8 {
    case 0x0100: "SCSI storage"
    case 0x0101: "IDE controller"
    case 0x0106: "SATA controller"
    case 0x0180: "storage"
    case 0x0200: "Ethernet controller"
    case 0x0300: "VGA controller"
    case 0x0600: "host bridge"
    case 0x0601: "ISA bridge"
    case 0x0604: "PCI bridge"
    case 0x0c05: "SMBus"
    case 0x0780: "communication controller"
    case 0x1000: "encryption"
    default: code >> 16 == 0x06 ? "bridge" : "device"
    }
  }
}

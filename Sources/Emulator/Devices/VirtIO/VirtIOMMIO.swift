/// A virtio device with its registers in memory and a wire for interrupts.
///
/// VIRTIO 1.2, "Virtio Over MMIO", version 2.
public final class VirtIOMMIO: BusDevice, StatefulDevice {
  private enum Register {
    static let magic: UInt64 = 0x000
    static let version: UInt64 = 0x004
    static let identifier: UInt64 = 0x008
    static let vendor: UInt64 = 0x00C
    static let deviceFeatures: UInt64 = 0x010
    static let deviceFeatureSelect: UInt64 = 0x014
    static let driverFeatures: UInt64 = 0x020
    static let driverFeatureSelect: UInt64 = 0x024
    static let queueSelect: UInt64 = 0x030
    static let queueSizeMax: UInt64 = 0x034
    static let queueSize: UInt64 = 0x038
    static let queueReady: UInt64 = 0x044
    static let queueNotify: UInt64 = 0x050
    static let interruptStatus: UInt64 = 0x060
    static let interruptAcknowledge: UInt64 = 0x064
    static let status: UInt64 = 0x070
    static let queueAddresses: UInt64 = 0x080
    static let queueAddressesEnd: UInt64 = 0x0A8
    static let generation: UInt64 = 0x0FC
    static let configuration: UInt64 = 0x100
  }

  /// Nothing of its own: everything is the device's.
  public struct State: Codable, Equatable, Sendable {}

  /// The letters "virt".
  private static let magic: UInt64 = 0x7472_6976
  /// "emu", who made it.
  private static let vendor: UInt64 = 0x0075_6D65

  /// The device behind the registers.
  public let device: VirtIODevice
  private let line: InterruptLine

  /// Makes the registers of `device`, which interrupts by `line`.
  public init(_ device: VirtIODevice, line: InterruptLine) {
    self.device = device
    self.line = line
    device.interrupt = { [unowned self] cause in
      let bit: UInt8 = if case .queue = cause { 1 } else { 2 }
      self.device.registers.interruptStatus |= bit
      driveLine()
    }
  }

  /// Restore the device first: the line's level follows from it.
  public var state: State {
    get { State() }
    set { line.restore(level: device.registers.interruptStatus != 0) }
  }

  private func driveLine() { line.set(device.registers.interruptStatus != 0) }

  /// The state before a driver came.
  public func reset() {
    device.reset()
    driveLine()
  }

  /// Reads a register, always 32 bits wide, or a part of the configuration.
  public func read(offset: UInt64, size: AccessSize) -> UInt64 {
    if offset >= Register.configuration {
      return device.readConfiguration(offset - Register.configuration, size: size)
    }
    guard size == .doubleword else { return 0 }
    let registers = device.registers
    let queue = device.selectedQueue
    switch offset {
    case Register.magic: return Self.magic
    case Register.version: return 2
    case Register.identifier: return UInt64(device.model.identifier)
    case Register.vendor: return Self.vendor
    case Register.deviceFeatures: return UInt64(device.selectedFeatures)
    case Register.queueSizeMax: return queue.map { UInt64(device.model.queueSizes[$0]) } ?? 0
    case Register.queueReady: return queue.map { registers.queues[$0].isEnabled ? 1 : 0 } ?? 0
    case Register.interruptStatus: return UInt64(registers.interruptStatus)
    case Register.status: return UInt64(registers.status)
    case Register.generation: return UInt64(registers.generation)
    default: return 0
    }
  }

  /// Writes a register, always 32 bits wide, or a part of the configuration.
  public func write(offset: UInt64, size: AccessSize, value: UInt64) {
    if offset >= Register.configuration {
      return device.writeConfiguration(
        offset - Register.configuration, size: size, value: value)
    }
    guard size == .doubleword else { return }
    let word = UInt32(truncatingIfNeeded: value)
    switch offset {
    case Register.deviceFeatureSelect: device.registers.deviceFeatureSelect = word
    case Register.driverFeatures: device.selectedDriverFeatures = word
    case Register.driverFeatureSelect: device.registers.driverFeatureSelect = word
    case Register.queueSelect: device.registers.queueSelect = UInt16(clamping: word)
    case Register.queueSize: device.setQueueSize(UInt16(clamping: word))
    case Register.queueReady: setReady(word & 1 != 0)
    case Register.queueNotify: device.notify(Int(word))
    case Register.interruptAcknowledge:
      device.registers.interruptStatus &= ~UInt8(truncatingIfNeeded: word)
      driveLine()
    case Register.status:
      device.writeStatus(UInt8(truncatingIfNeeded: word))
      driveLine()
    case Register.queueAddresses..<Register.queueAddressesEnd: writeAddress(offset, value)
    default: return
    }
  }

  private func setReady(_ isReady: Bool) {
    guard let index = device.selectedQueue else { return }
    if isReady {
      device.enableQueue()
    } else if device.registers.queues[index].isEnabled {
      device.registers.queues[index] = VirtIOQueue(size: device.model.queueSizes[index])
    }
  }

  /// Three pairs of registers, 16 bytes apart.
  private func writeAddress(_ offset: UInt64, _ value: UInt64) {
    let within = offset - Register.queueAddresses
    guard within & 0xB == 0 else { return }
    let shift = (within & 4) &* 8
    device.setQueueAddress(within >> 4 &* 8, value &<< shift, mask: 0xFFFF_FFFF &<< shift)
  }
}

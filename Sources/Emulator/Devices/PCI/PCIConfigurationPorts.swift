/// Configuration mechanism #1: an address register and, four ports on, a window.
///
/// PCI Local Bus Specification 3.0, "Configuration Mechanism #1".
public final class PCIConfigurationPorts: BusDevice, StatefulDevice {
  /// The address register.
  public struct State: Codable, Equatable, Sendable {
    package var address: UInt32 = 0
  }

  private static let enable: UInt32 = 1 << 31
  private static let writable: UInt32 = 0x80FF_FFFC

  /// The address register.
  public var state = State()

  private let bus: PCIBus

  /// Makes the ports in front of `bus`.
  public init(bus: PCIBus) { self.bus = bus }

  /// Reads the address, a doubleword, or a part of the register it selects.
  public func read(offset: UInt64, size: AccessSize) -> UInt64 {
    if offset == 0 { return size == .doubleword ? UInt64(state.address) : size.mask }
    guard let register = register(offset, size), state.address & Self.enable != 0 else {
      return size.mask
    }
    return bus.read(function, register: register, size: size)
  }

  /// Writes the address, a doubleword, or a part of the register it selects.
  public func write(offset: UInt64, size: AccessSize, value: UInt64) {
    if offset == 0, size == .doubleword {
      state.address = UInt32(truncatingIfNeeded: value) & Self.writable
    }
    guard let register = register(offset, size), state.address & Self.enable != 0 else { return }
    bus.write(function, register: register, size: size, value: value)
  }

  private var function: UInt64 { UInt64(state.address >> 8 & 0xFFFF) }

  private func register(_ offset: UInt64, _ size: AccessSize) -> Int? {
    guard offset >= 4, offset < 8, offset &+ UInt64(size.rawValue) <= 8 else { return nil }
    return Int(state.address & 0xFC) | Int(offset & 3)
  }
}

/// The memory-mapped configuration space of PCI Express: 4 KiB for each function.
///
/// PCI Express Base Specification, "PCI Express Enhanced Configuration Access Mechanism (ECAM)".
public final class PCIExpressConfiguration: BusDevice {
  private let bus: PCIBus

  /// Makes the window in front of `bus`.
  public init(bus: PCIBus) { self.bus = bus }

  /// Reads a register; a quadword in two halves.
  public func read(offset: UInt64, size: AccessSize) -> UInt64 {
    guard size != .quadword else {
      return read(offset: offset, size: .doubleword)
        | read(offset: offset &+ 4, size: .doubleword) << 32
    }
    return bus.read(offset >> 12, register: Int(offset & 0xFFF), size: size)
  }

  /// Writes a register; a quadword in two halves.
  public func write(offset: UInt64, size: AccessSize, value: UInt64) {
    guard size != .quadword else {
      write(offset: offset, size: .doubleword, value: value & 0xFFFF_FFFF)
      return write(offset: offset &+ 4, size: .doubleword, value: value >> 32)
    }
    bus.write(offset >> 12, register: Int(offset & 0xFFF), size: size, value: value)
  }
}

/// An IDE controller with two channels at their ISA places: a PIIX4's IDE function.
///
/// Intel 82371AB (PIIX4) data sheet, "IDE Controller Register Descriptions".
public final class IDEController {
  private enum Register {
    static let timings = 0x40
    static let secondTiming = 0x44
    static let ultraControl = 0x48
    static let ultraTiming = 0x4A
  }

  /// A channel's decoding is on, with the slowest timing.
  private static let decodes: UInt16 = 0x8000

  /// One drive.
  public struct Drive {
    /// What is read and written.
    public var medium: any BlockBackend
    /// Whether it is a CD.
    public var isOptical: Bool
    /// Whether writes are refused.
    public var isReadOnly: Bool

    /// A disk or a CD.
    public init(_ medium: any BlockBackend, isOptical: Bool, isReadOnly: Bool) {
      self.medium = medium
      self.isOptical = isOptical
      self.isReadOnly = isReadOnly
    }
  }

  /// The most drives: two on each channel.
  public static let largestDriveCount = 4

  /// The function on the PCI bus.
  public let function: PCIFunction

  package let channels: [IDEChannel]

  /// Makes a controller; the drives are the first channel's two, then the second's.
  public init(
    drives: [Drive], lines: [InterruptLine], dma: DMA, clock: VirtualClock
  ) {
    let made: [IDEDrive?] = (0..<Self.largestDriveCount).map { index in
      guard index < drives.count else { return nil }
      let drive = drives[index]
      return IDEDrive(
        drive.medium, isOptical: drive.isOptical, isReadOnly: drive.isReadOnly, name: "\(index)")
    }
    channels = (0..<2).map { index in
      IDEChannel(
        drives: Array(made[index * 2..<index * 2 + 2]), line: lines[index], dma: dma,
        clock: clock, name: "IDE channel \(index)")
    }
    // Class 01_01h, bus master, both channels in compatibility mode.
    let identity = PCIFunction.Identity(vendor: 0x8086, device: 0x7111, classCode: 0x01_0180)
    function = PCIFunction(
      identity, regions: [PCIRegion(4, .ports, size: 16, device: MasterPorts(channels))])
    for channel in 0..<2 {
      function.define(Register.timings + channel * 2, Self.decodes, writable: 0xFFFF)
      function.define(Register.ultraTiming + channel, 0 as UInt8, writable: 0x33)
    }
    function.define(Register.secondTiming, 0 as UInt8, writable: 0xFF)
    function.define(Register.ultraControl, 0 as UInt8, writable: 0x0F)
    function.dma = dma
  }

  /// The power-on state of the channels and drives.
  public func reset() {
    for channel in channels { channel.reset() }
  }

  /// The eight registers of a channel's command block.
  public func commandBlock(_ channel: Int) -> any BusDevice { CommandBlock(channels[channel & 1]) }
  /// The device control register of a channel.
  public func controlBlock(_ channel: Int) -> any BusDevice { ControlBlock(channels[channel & 1]) }

  /// What remembers anything: drives before their channels.
  public var stateful: [any StatefulDevice] {
    channels.flatMap { $0.drives.compactMap { $0 } } + channels.map { $0 as any StatefulDevice }
  }
}

/// The command block: data, seven registers.
private final class CommandBlock: BusDevice {
  private let channel: IDEChannel

  init(_ channel: IDEChannel) { self.channel = channel }

  func read(offset: UInt64, size: AccessSize) -> UInt64 {
    if offset == 0 { return channel.readCommand(0, size) }
    return (0..<UInt64(size.rawValue)).reduce(0) {
      $0 | channel.readCommand(offset &+ $1, .byte) &<< ($1 &* 8)
    }
  }

  func write(offset: UInt64, size: AccessSize, value: UInt64) {
    if offset == 0 { return channel.writeCommand(0, size, value) }
    for index in 0..<UInt64(size.rawValue) {
      channel.writeCommand(offset &+ index, .byte, value &>> (index &* 8) & 0xFF)
    }
  }
}

/// The control block: status without consequences, device control.
private final class ControlBlock: ByteDevice {
  private let channel: IDEChannel

  init(_ channel: IDEChannel) { self.channel = channel }

  func readByte(at offset: UInt64) -> UInt8 { offset == 0 ? channel.readControl() : 0xFF }
  func writeByte(_ value: UInt8, at offset: UInt64) {
    if offset == 0 { channel.writeControl(value) }
  }
}

/// The registers of both DMA engines, eight bytes each.
private final class MasterPorts: ByteDevice {
  private let channels: [IDEChannel]

  init(_ channels: [IDEChannel]) { self.channels = channels }

  func readByte(at offset: UInt64) -> UInt8 {
    offset < 16 ? channels[Int(offset >> 3)].readMaster(offset & 7) : 0xFF
  }

  func writeByte(_ value: UInt8, at offset: UInt64) {
    if offset < 16 { channels[Int(offset >> 3)].writeMaster(value, offset & 7) }
  }
}

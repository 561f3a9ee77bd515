/// The host bridge of a Q35 chipset (82G33): where ECAM lies.
///
/// Intel 3 Series Express Chipset Family data sheet, "Host Bridge".
public final class HostBridge {
  private enum Register {
    static let expressBase = 0x60
    static let attributeMaps = 0x90
    static let memoryControl = 0x9D
  }

  private static let enable: UInt64 = 1

  /// Device 0 of the bus.
  public let function: PCIFunction

  private let express: PCIExpressConfiguration

  /// Makes a bridge that says where `express` answers.
  public init(express: PCIExpressConfiguration) {
    self.express = express
    var identity = PCIFunction.Identity(vendor: 0x8086, device: 0x29C0, classCode: 0x06_0000)
    identity.revision = 2
    function = PCIFunction(identity)
    // PCIEXBAR: base, length and enable.
    function.define(Register.expressBase, 0 as UInt64, writable: 0x000F_FFFF_FC00_0007)
    // PAM0 to PAM6, then SMRAM and ESMRAMC.
    function.define(Register.attributeMaps, 0 as UInt64, writable: 0x0033_3333_3333_3330)
    function.define(Register.memoryControl, 0x02 as UInt8, writable: 0x68)
    function.define(Register.memoryControl + 1, 0x38 as UInt8, writable: 0x80)
    function.written = { [unowned self] range in
      if range.overlaps(Register.expressBase..<Register.expressBase + 8)
        || range.overlaps(Register.attributeMaps..<Register.attributeMaps + 7)
      {
        function.connections.regionsChanged()
      }
    }
  }

  /// Puts ECAM for 256 buses at `address`, as firmware does.
  public func placeExpress(at address: UInt64) {
    function.write(Register.expressBase + 4, size: .doubleword, value: address >> 32)
    function.write(
      Register.expressBase, size: .doubleword, value: address & 0xFFFF_FFFF | Self.enable)
  }

  /// A part of the memory below 1 MiB, which the programmable attribute maps (PAM) switch.
  public struct Segment: Equatable, Sendable {
    /// Its place, from the first option ROM on.
    public let offset: UInt64
    /// Its bytes.
    public let size: UInt64
    /// Whether reads go to RAM.
    public let readsRAM: Bool
    /// Whether writes go to RAM.
    public let writesRAM: Bool
  }

  /// The segments as PAM0 to PAM6 say now: twelve of 16 KiB, then one of 64 KiB.
  public var segments: [Segment] {
    func segment(_ number: Int) -> Segment {
      let isLast = number == 12
      let register = function.bytes[Register.attributeMaps + (isLast ? 0 : 1 + number / 2)]
      let bits = isLast || number & 1 != 0 ? register >> 4 : register
      return Segment(
        offset: UInt64(number) * 0x4000, size: isLast ? 0x1_0000 : 0x4000,
        readsRAM: bits & 1 != 0, writesRAM: bits & 2 != 0)
    }
    return (0...12).map(segment)
  }

  /// Makes the last two segments of 64 KiB RAM, as firmware does that has copied itself there.
  public func shadow(isWritable: Bool) {
    let bits: UInt64 = isWritable ? 3 : 1
    function.write(Register.attributeMaps, size: .byte, value: bits << 4)
    for register in 5...6 {
      function.write(Register.attributeMaps + register, size: .byte, value: bits << 4 | bits)
    }
  }

  /// Where ECAM answers now.
  public var placements: [BusRegion] {
    let register =
      UInt64(function.doubleword(Register.expressBase))
      | UInt64(function.doubleword(Register.expressBase + 4)) << 32
    guard register & Self.enable != 0 else { return [] }
    // 256, 128 or 64 MiB for as many buses.
    let lengths: [UInt64] = [256 << 20, 128 << 20, 64 << 20]
    let code = Int(register >> 1 & 3)
    guard code < lengths.count else { return [] }
    let start = register & 0x000F_FFFF_FFFF_FFF8 & ~(lengths[code] - 1)
    return [BusRegion(.memory, start: start, size: lengths[code], device: express)]
  }
}

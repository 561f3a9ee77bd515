/// The two 8237 DMA controllers of a PC and their page registers.
///
/// Intel 8237A data sheet; IBM Personal System/2 Hardware Interface Technical Reference, "DMA
/// Controller". No device of this machine asks for a transfer, so none ever happens.
public final class DMAController8237: StatefulDevice {
  /// One controller: four channels.
  struct Registers: Codable, Equatable, Sendable {
    /// Base and current address and count of each channel: address 0, count 0 and so on.
    var base = [UInt16](repeating: 0, count: 8)
    var current = [UInt16](repeating: 0, count: 8)
    var modes = [UInt8](repeating: 0, count: 4)
    var command: UInt8 = 0
    var mask: UInt8 = 0xF
    var requests: UInt8 = 0
    /// Whether the next access is to an upper byte.
    var isUpper = false
  }

  /// Both controllers and the pages.
  public struct State: Codable, Equatable, Sendable {
    var controllers = [Registers(), Registers()]
    var pages = [UInt8](repeating: 0, count: 16)
  }

  private var registers = State()

  /// Makes controllers after reset.
  public init() {}

  /// Both controllers and the pages.
  public var state: State {
    get { registers }
    set {
      let isWhole =
        newValue.controllers.count == 2 && newValue.pages.count == 16
        && newValue.controllers.allSatisfy {
          $0.base.count == 8 && $0.current.count == 8 && $0.modes.count == 4
        }
      if isWhole { registers = newValue }
    }
  }

  /// The state after reset.
  public func reset() { registers = State() }

  /// The registers of one controller, each taking `spacing` ports.
  public func ports(of controller: Int, spacing: UInt64) -> any BusDevice {
    Ports(self, controller: controller & 1, spacing: max(1, spacing))
  }

  /// The sixteen page registers.
  public var pagePorts: any BusDevice { Pages(self) }

  private final class Ports: ByteDevice {
    private let owner: DMAController8237
    private let controller: Int
    private let spacing: UInt64

    init(_ owner: DMAController8237, controller: Int, spacing: UInt64) {
      self.owner = owner
      self.controller = controller
      self.spacing = spacing
    }

    func readByte(at offset: UInt64) -> UInt8 {
      owner.registers.controllers[controller].read(offset / spacing & 0xF)
    }

    func writeByte(_ value: UInt8, at offset: UInt64) {
      owner.registers.controllers[controller].write(value, offset / spacing & 0xF)
    }
  }

  private final class Pages: ByteDevice {
    private let owner: DMAController8237

    init(_ owner: DMAController8237) { self.owner = owner }

    func readByte(at offset: UInt64) -> UInt8 { owner.registers.pages[Int(offset & 0xF)] }
    func writeByte(_ value: UInt8, at offset: UInt64) {
      owner.registers.pages[Int(offset & 0xF)] = value
    }
  }
}

extension DMAController8237.Registers {
  mutating func read(_ register: UInt64) -> UInt8 {
    switch register {
    case 0..<8:
      defer { isUpper.toggle() }
      let value = current[Int(register)]
      return UInt8(truncatingIfNeeded: isUpper ? value >> 8 : value)
    // Status: no channel has finished; software requests wait.
    case 8: return requests << 4
    case 15: return mask | 0xF0
    default: return 0
    }
  }

  mutating func write(_ value: UInt8, _ register: UInt64) {
    let bit: UInt8 = 1 << (value & 3)
    switch register {
    case 0..<8:
      let index = Int(register)
      let old = base[index]
      base[index] = isUpper ? old & 0xFF | UInt16(value) << 8 : old & 0xFF00 | UInt16(value)
      current[index] = base[index]
      isUpper.toggle()
    case 8: command = value
    case 9: requests = value & 4 != 0 ? requests | bit : requests & ~bit
    case 10: mask = value & 4 != 0 ? mask | bit : mask & ~bit
    case 11: modes[Int(value & 3)] = value
    case 12: isUpper = false
    case 13:
      command = 0
      requests = 0
      mask = 0xF
      isUpper = false
    case 14: mask = 0
    case 15: mask = value & 0xF
    default: break
    }
  }
}

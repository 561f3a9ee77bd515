/// Bus 0 of a machine: 32 slots with 8 functions each, and their four interrupt wires.
///
/// There are no bridges to other buses behind it.
public final class PCIBus: StatefulDevice {
  /// The levels of the interrupt wires, PIRQA to PIRQD.
  public struct State: Codable, Equatable, Sendable {
    package var levels = [Bool](repeating: false, count: wireCount)
  }

  /// The number of interrupt wires.
  public static let wireCount = 4
  private static let slotCount = 32

  /// Told when regions have appeared, moved or gone.
  public var regionsChanged: () -> Void = {}

  private let wires: [InterruptLine]
  private let send: (_ address: UInt64, _ data: UInt32) -> Void
  private var functions = [PCIFunction?](repeating: nil, count: slotCount * 8)

  /// Makes an empty bus.
  ///
  /// - Parameters:
  ///   - wires: PIRQA to PIRQD.
  ///   - send: Makes the write that is a message-signalled interrupt.
  public init(
    wires: [InterruptLine], send: @escaping (_ address: UInt64, _ data: UInt32) -> Void
  ) {
    self.wires = wires
    self.send = send
  }

  // MARK: Slots

  /// Puts a function into a slot.
  public func attach(_ function: PCIFunction, slot: Int, function number: Int = 0) {
    guard (0..<Self.slotCount).contains(slot), (0..<8).contains(number) else { return }
    functions[slot * 8 + number] = function
    function.connections = PCIFunction.Connections(
      regionsChanged: { [unowned self] in regionsChanged() },
      interruptChanged: { [unowned self] in driveWires() }, send: send)
    function.dma?.isEnabled = false
  }

  /// Puts a function into the first free slot from 1 on, and gives its number.
  @discardableResult
  public func attach(_ function: PCIFunction) -> Int? {
    guard let slot = (1..<Self.slotCount).first(where: { functions[$0 * 8] == nil }) else {
      return nil
    }
    attach(function, slot: slot)
    return slot
  }

  /// Every function with its slot, in order.
  public var attached: [(slot: Int, function: PCIFunction)] {
    functions.enumerated().compactMap { index, function in function.map { (index / 8, $0) } }
  }

  /// The slots with functions that have an interrupt pin, in order.
  public var interruptingSlots: [Int] {
    (0..<Self.slotCount).filter { slot in
      functions[slot * 8..<slot * 8 + 8].contains { $0?.interruptPin != nil }
    }
  }

  /// Where registers of functions answer now, in the order of the functions.
  public var placements: [BusRegion] { functions.flatMap { $0?.placements ?? [] } }

  // MARK: Interrupt wires

  /// The wire that a slot's pin, 0 for INTA, is connected to: the slots take turns.
  ///
  /// The devices of the chipset itself, from slot 25 on, do not take part.
  public static func wire(slot: Int, pin: Int) -> Int {
    (pin + (slot < 25 ? slot : 0)) % wireCount
  }

  private func driveWires() {
    var levels = [Bool](repeating: false, count: Self.wireCount)
    for (slot, function) in attached where function.isInterrupting {
      guard let pin = function.interruptPin else { continue }
      levels[Self.wire(slot: slot, pin: pin)] = true
    }
    for (wire, level) in zip(wires, levels) { wire.set(level) }
  }

  /// The levels of the interrupt wires.
  public var state: State {
    get { State(levels: wires.map(\.level)) }
    set { for (wire, level) in zip(wires, newValue.levels) { wire.restore(level: level) } }
  }

  // MARK: Configuration cycles

  /// Reads a register; all ones where there is no function.
  ///
  /// `address` holds bus, slot and function as an Express address does: 8, 5 and 3 bits.
  func read(_ address: UInt64, register: Int, size: AccessSize) -> UInt64 {
    guard let function = function(address) else { return size.mask }
    return function.read(register, size: size)
  }

  /// Writes a register.
  func write(_ address: UInt64, register: Int, size: AccessSize, value: UInt64) {
    function(address)?.write(register, size: size, value: value)
  }

  private func function(_ address: UInt64) -> PCIFunction? {
    address < UInt64(functions.count) ? functions[Int(address)] : nil
  }
}

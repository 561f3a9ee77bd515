/// The local APIC of one logical processor, in xAPIC and x2APIC mode.
///
/// SDM Vol. 3A, "Advanced Programmable Interrupt Controller (APIC)". Lines 0 and 1 are its pins
/// LINT0 and LINT1. While it is globally disabled the pins are the processor's INTR and NMI.
public final class LocalAPIC: InterruptSource, InterruptSink, BusDevice, StatefulDevice {
  /// Everything a local APIC remembers.
  public struct State: Codable, Equatable, Sendable {
    package var id: UInt32
    package var base: UInt64
    package var taskPriority: UInt8 = 0
    package var logicalDestination: UInt32 = 0
    package var destinationFormat: UInt32 = .max
    package var spuriousVector: UInt32 = 0xFF
    package var inService = VectorSet()
    package var triggerMode = VectorSet()
    package var requested = VectorSet()
    package var errorStatus: UInt32 = 0
    package var pendingErrors: UInt32 = 0
    package var interruptCommand: UInt64 = 0
    package var localVectors = [LocalVector](
      repeating: LocalVector(), count: LocalInterrupt.allCases.count)
    package var timer = Timer()
    package var pins = [false, false]
    package var isExternalPending = false
    package var isNMIPending = false
  }

  /// The version register's low byte: an integrated APIC.
  static let version: UInt32 = 0x14

  /// The power-up value of the physical base.
  public static let defaultBase: UInt64 = 0xFEE0_0000

  /// Whoever answers an ExtINT acknowledge with a vector; the pair of 8259s of a PC.
  public weak var externalController: (any InterruptAcknowledger)?

  /// Runs when an interrupt or NMI has become pending, so that the processor looks soon.
  public var attentionRequested: () -> Void = {}

  /// Runs when an INIT message arrived and the APIC has reset itself.
  public var initializeRequested: () -> Void = {}

  /// Runs when a SIPI arrived and is given its vector; the processor decides whether it waits.
  public var startUpRequested: (UInt8) -> Void = { _ in }

  /// Whether a maskable interrupt waits to be acknowledged.
  public private(set) var hasPendingInterrupt = false

  var registers: State
  let clock: VirtualClock
  let timer: VirtualTimer
  let reservedBaseBits: UInt64
  private(set) weak var bus: APICBus?

  /// Makes the APIC of the processor `id` in its power-up state and attaches it to `bus`.
  ///
  /// - Parameters:
  ///   - id: The APIC ID.
  ///   - isBootstrap: Whether this is the bootstrap processor.
  ///   - physicalAddressBits: The processor's MAXPHYADDR.
  ///   - clock: The time of the machine.
  ///   - bus: The way to the other APICs.
  public init(
    id: UInt32, isBootstrap: Bool, physicalAddressBits: UInt64 = 46, clock: VirtualClock,
    bus: APICBus
  ) {
    registers = State(id: id, base: Self.powerUpBase(isBootstrap: isBootstrap))
    reservedBaseBits = ~((1 &<< physicalAddressBits) &- 1) | 0x2FF
    self.clock = clock
    self.bus = bus
    timer = VirtualTimer(clock, name: "Local APIC \(id) timer")
    timer.handler = { [weak self] deadline in self?.timerExpired(at: deadline) }
    bus.attach(self)
  }

  private static func powerUpBase(isBootstrap: Bool) -> UInt64 {
    defaultBase | BaseBit.enabled | (isBootstrap ? BaseBit.bootstrap : 0)
  }

  /// Everything the APIC remembers.
  public var state: State {
    get { registers }
    set {
      registers = newValue
      armTimer()
      refreshPendingInterrupt()
    }
  }

  /// The power-up state; the pins keep the levels they are driven to.
  public func reset() {
    let isBootstrap = registers.base & BaseBit.bootstrap != 0
    registers.timer.timeStampOffset = 0
    resetRegisters(base: Self.powerUpBase(isBootstrap: isBootstrap))
  }

  /// Programs virtual-wire mode as a PC's firmware does: software-enabled, LINT0 is ExtINT and
  /// LINT1 is NMI, on the bootstrap processor.
  public func enterVirtualWireMode() {
    registers.spuriousVector = 0x1FF
    registers.localVectors[LocalInterrupt.lint0.rawValue].bits = 0x700
    registers.localVectors[LocalInterrupt.lint1.rawValue].bits = 0x400
    refreshPendingInterrupt()
  }

  func resetRegisters(base: UInt64) {
    let old = registers
    registers = State(id: old.id, base: base)
    registers.pins = old.pins
    // The time-stamp counter is the processor's.
    registers.timer.timeStampOffset = old.timer.timeStampOffset
    timer.disarm()
    refreshPendingInterrupt()
  }

  /// Must follow every change of IRR, ISR, TPR, the pins or the LVT.
  func refreshPendingInterrupt() {
    let had = hasPendingInterrupt
    hasPendingInterrupt = isExternalRequested || deliverableVector != nil
    if hasPendingInterrupt, !had {
      attentionRequested()
    }
  }
}

/// Where the vector of an ExtINT interrupt comes from.
public protocol InterruptAcknowledger: AnyObject {
  /// Runs the interrupt acknowledge cycles and gives the vector.
  func acknowledge() -> UInt8
}

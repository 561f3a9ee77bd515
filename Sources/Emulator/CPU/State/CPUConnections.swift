/// The outside of the processor: what answers on its bus.
public protocol Bus: AnyObject {
  /// IN: reads an I/O port.
  func readPort(_ port: UInt16, size: AccessSize) -> UInt64
  /// OUT: writes an I/O port.
  func writePort(_ port: UInt16, size: AccessSize, value: UInt64)
  /// Reads a physical address that is not RAM.
  func readMMIO(_ address: PhysicalAddress, size: AccessSize) -> UInt64
  /// Writes a physical address that is not RAM.
  func writeMMIO(_ address: PhysicalAddress, size: AccessSize, value: UInt64)
}

/// Where the processor reads the time from.
public protocol CPUClock: AnyObject {
  /// Virtual nanoseconds since reset; the processor sets it before it lets anybody look.
  var now: UInt64 { get set }
}

/// The objects that one processor is wired to.
///
/// Cold: the hot path never goes through it.
final class CPUConnections {
  let memory: PhysicalMemory
  let bus: any Bus
  let interrupts: any InterruptSource
  let clock: any CPUClock
  /// Virtual nanoseconds that passed while this processor executed nothing.
  var skippedTime: UInt64 = 0
  /// What CPUID reports.
  let identification: ProcessorIdentification
  let blocks: BlockCache
  let stopPoints: StopPoints
  /// The last deliveries, for a diagnosis.
  let recorder = ExceptionRecorder()
  /// Is told what the processor does besides computing; `CPUState.isObserved` says if there is one.
  var observer: ((ExecutionEvent) -> Void)?
  /// Is told when an instruction at a linear address changed IF, while events are observed.
  var interruptFlagObserver: ((_ isOn: Bool, _ address: UInt64) -> Void)?
  /// Is told of every instruction, in blocks that were woven for it.
  var instructionObserver: ((ExecutedInstruction) -> Void)?
  /// What the instruction being executed has stored, where instructions are observed.
  var stores: [StoredRange] = []

  init(
    memory: PhysicalMemory, bus: any Bus, interrupts: any InterruptSource, clock: any CPUClock,
    identification: ProcessorIdentification, beside other: CPUConnections?
  ) {
    self.memory = memory
    self.bus = bus
    self.interrupts = interrupts
    self.clock = clock
    self.identification = identification
    if let other {
      blocks = other.blocks
      stopPoints = other.stopPoints
      return
    }
    stopPoints = StopPoints()
    let blocks = BlockCache(ram: memory.ram)
    self.blocks = blocks
    memory.codeObservers.append { [weak blocks] in
      _ = blocks?.invalidate($0, count: $1)
    }
    memory.mapObservers.append { [weak blocks] in blocks?.mapChanged() }
  }
}

/// The part of a virtio device that is the same for every kind and every transport.
///
/// VIRTIO 1.2, "Basic Facilities of a Virtio Device". A notification is served by a timer, between
/// two instructions; a driver that breaks the rules gets DEVICE_NEEDS_RESET.
public final class VirtIODevice: StatefulDevice {
  /// Bits of the device status.
  enum Status {
    static let driverOK: UInt8 = 4
    static let featuresOK: UInt8 = 8
    static let needsReset: UInt8 = 64
  }

  /// Features that are not of one kind of device.
  enum Feature {
    static let indirectDescriptors: UInt64 = 1 << 28
    static let eventIndex: UInt64 = 1 << 29
    static let version1: UInt64 = 1 << 32
    static let common = indirectDescriptors | eventIndex | version1
  }

  /// Why a driver is interrupted.
  enum Cause {
    case queue(Int)
    case configuration
  }

  /// Everything that a driver has set up.
  public struct State: Codable, Equatable, Sendable {
    package internal(set) var status: UInt8 = 0
    var deviceFeatureSelect: UInt32 = 0
    var driverFeatureSelect: UInt32 = 0
    package internal(set) var driverFeatures: UInt64 = 0
    var queueSelect: UInt16 = 0
    var queues: [VirtIOQueue]
    var configurationVector = VirtIOQueue.noVector
    var generation: UInt8 = 0
    /// Causes not yet acknowledged: 1 a queue, 2 the configuration.
    var interruptStatus: UInt8 = 0
    /// Queues that wait to be served, a bit each, and when that happens.
    var waiting: UInt64 = 0
    var deadline: UInt64 = .max
  }

  /// Bytes that are moved before the processor goes on for a moment.
  private static let workLimit: UInt64 = 8 << 20
  private static let pause: UInt64 = 1000

  /// What the device does.
  let model: any VirtIOModel
  /// Its way to guest memory.
  public let dma: DMA
  var interrupt: (Cause) -> Void = { _ in }
  var registers: State
  private let clock: VirtualClock
  private let timer: VirtualTimer

  /// Makes a device that has been reset.
  public init(_ model: any VirtIOModel, dma: DMA, clock: VirtualClock) {
    self.model = model
    self.dma = dma
    self.clock = clock
    registers = State(queues: model.queueSizes.map { VirtIOQueue(size: $0) })
    timer = VirtualTimer(clock, name: "virtio \(model.identifier)")
    timer.handler = { [unowned self] _ in serveWaiting() }
  }

  /// Everything that a driver has set up.
  public var state: State {
    get { registers }
    set {
      guard newValue.queues.count == model.queueSizes.count else { return }
      registers = newValue
      timer.arm(at: newValue.deadline)
    }
  }

  /// Back to the state before a driver came.
  public func reset() {
    registers = State(queues: model.queueSizes.map { VirtIOQueue(size: $0) })
    timer.disarm()
    model.reset()
  }

  // MARK: Negotiation

  var offeredFeatures: UInt64 { model.features | Feature.common }

  /// The features in use.
  public var features: UInt64 { registers.driverFeatures & offeredFeatures }

  private var usesEventIndex: Bool { features & Feature.eventIndex != 0 }

  /// Half of the offered features.
  var selectedFeatures: UInt32 {
    switch registers.deviceFeatureSelect {
    case 0: UInt32(truncatingIfNeeded: offeredFeatures)
    case 1: UInt32(truncatingIfNeeded: offeredFeatures >> 32)
    default: 0
    }
  }

  /// Half of the features that the driver accepted.
  var selectedDriverFeatures: UInt32 {
    get {
      switch registers.driverFeatureSelect {
      case 0: UInt32(truncatingIfNeeded: registers.driverFeatures)
      case 1: UInt32(truncatingIfNeeded: registers.driverFeatures >> 32)
      default: 0
      }
    }
    set {
      // What was agreed on stays.
      guard registers.status & Status.featuresOK == 0 else { return }
      let old = registers.driverFeatures
      switch registers.driverFeatureSelect {
      case 0: registers.driverFeatures = old & ~0xFFFF_FFFF | UInt64(newValue)
      case 1: registers.driverFeatures = old & 0xFFFF_FFFF | UInt64(newValue) << 32
      default: break
      }
    }
  }

  /// Takes the device status that a driver wrote; zero resets.
  func writeStatus(_ value: UInt8) {
    guard value != 0 else { return reset() }
    var new = value & ~Status.needsReset | registers.status & Status.needsReset
    let accepted = registers.driverFeatures
    if accepted & ~offeredFeatures != 0 || accepted & Feature.version1 == 0 {
      new &= ~Status.featuresOK
    }
    let starts = new & ~registers.status & Status.driverOK != 0
    registers.status = new
    guard starts else { return }
    for index in registers.queues.indices { notify(index) }
  }

  // MARK: Queues

  /// The queue that queue_select names.
  var selectedQueue: Int? {
    let index = Int(registers.queueSelect)
    return registers.queues.indices.contains(index) ? index : nil
  }

  /// Sets the size of the selected queue.
  func setQueueSize(_ size: UInt16) {
    guard let index = selectedQueue, !registers.queues[index].isEnabled else { return }
    registers.queues[index].size = min(size, model.queueSizes[index])
  }

  /// Enables the selected queue; it stays so until a reset.
  func enableQueue() {
    guard let index = selectedQueue else { return }
    guard registers.queues[index].isValid else { return fail() }
    registers.queues[index].isEnabled = true
  }

  /// The driver, or the model, has something for a queue.
  func notify(_ index: Int) {
    guard registers.queues.indices.contains(index), index < 64 else { return }
    registers.waiting |= 1 << UInt64(index)
    serve(at: clock.now)
  }

  private func serve(at time: UInt64) {
    registers.deadline = min(registers.deadline, time)
    timer.arm(at: registers.deadline)
  }

  private func serveWaiting() {
    registers.deadline = .max
    let waiting = registers.waiting
    registers.waiting = 0
    guard registers.status & (Status.driverOK | Status.needsReset) == Status.driverOK else {
      return
    }
    for index in registers.queues.indices where index < 64 && waiting >> UInt64(index) & 1 != 0 {
      do {
        try serve(index)
      } catch {
        return fail()
      }
    }
  }

  private func serve(_ index: Int) throws(VirtIOFault) {
    guard registers.queues[index].isEnabled, dma.isEnabled else { return }
    let session = VirtIOSession(dma: dma, features: features)
    var work: UInt64 = 0
    while model.isReady(queue: index) {
      guard work < Self.workLimit else {
        // Others are to have their turn too.
        registers.waiting |= 1 << UInt64(index)
        serve(at: clock.now &+ Self.pause)
        break
      }
      let chain = try registers.queues[index].next(dma, usesEventIndex: usesEventIndex)
      guard let chain else { break }
      work += chain.readable.count + chain.writable.count + 512
      let written = try model.serve(chain, queue: index, session)
      try registers.queues[index].complete(chain, written: written, dma)
    }
    if try registers.queues[index].takeAnnouncement(dma, usesEventIndex: usesEventIndex) {
      interrupt(.queue(index))
    }
  }

  /// The driver has broken the rules: nothing goes on before it resets the device.
  private func fail() {
    registers.status |= Status.needsReset
    if registers.status & Status.driverOK != 0 { interrupt(.configuration) }
  }

  // MARK: Configuration

  /// The configuration has changed by itself.
  func configurationChanged() {
    registers.generation &+= 1
    if registers.status & Status.driverOK != 0 { interrupt(.configuration) }
  }

  /// Reads from the configuration of the kind of device.
  func readConfiguration(_ offset: UInt64, size: AccessSize) -> UInt64 {
    let bytes = model.configuration
    var value: UInt64 = 0
    for index in 0..<UInt64(size.rawValue) {
      let at = Int(truncatingIfNeeded: min(offset &+ index, 1 << 32))
      if at < bytes.count { value |= UInt64(bytes[at]) &<< (index &* 8) }
    }
    return value
  }

  /// Writes to the configuration of the kind of device.
  func writeConfiguration(_ offset: UInt64, size: AccessSize, value: UInt64) {
    for index in 0..<UInt64(size.rawValue) {
      let at = Int(truncatingIfNeeded: min(offset &+ index, 1 << 32))
      model.writeConfiguration(UInt8(truncatingIfNeeded: value &>> (index &* 8)), at: at)
    }
  }
}

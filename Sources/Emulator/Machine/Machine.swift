import Synchronization

/// A whole computer: processors, memory, devices and the kernel it was given.
///
/// ```swift
/// let machine = try Machine(image: .file("kernel.elf"))
/// machine.console.send("ps\n")
/// let stop = machine.run(until: .console("$ "), limit: 50_000_000)
/// ```
///
/// A machine is used from one thread at a time; several machines run on several threads at once.
public final class Machine {
  /// What the machine was made of.
  public let configuration: MachineConfiguration
  /// The kernel; nil for a machine whose firmware starts what is on a disk.
  public let image: KernelImage?
  /// RAM.
  public let memory: PhysicalMemory
  /// The processors, the bootstrap processor first; each has its number as APIC ID.
  public let processors: [Processor]
  /// The processor whose turn it is, or was when the run ended.
  public internal(set) var processor: Processor
  /// The far ends of the four serial ports, COM1 first.
  public let serialPorts: [SerialConsole]
  /// The far end of the virtio console, if the machine has one.
  public let virtioConsole: SerialConsole
  /// The far end of the network interface's wire, if the machine has one.
  public let network: NetworkWire
  /// What the guest writes to port E9h.
  public let debugConsole: SerialConsole
  /// What firmware writes to its debug port, 402h.
  public let firmwareLog: SerialConsole
  /// Everything that came from outside so far.
  public internal(set) var inputLog = InputLog()
  /// How often the machine was reset.
  public internal(set) var resetCount = 0

  /// Whether output reaches nobody outside, because it has been there before.
  public var repeatsOutput = false {
    didSet { endpoints.setMuted(repeatsOutput) }
  }

  /// Whether a run stops when every processor is halted, so that a front end can let the wall
  /// clock catch up, instead of skipping the time.
  public var pausesWhenIdle = false
  /// Whether input may still come from outside, so that a machine without a pending event waits.
  public var awaitsInput = false

  /// The console that a user sees, and whose output conditions look at: COM1 unless set.
  public var console: SerialConsole

  package let clock: VirtualClock
  package let chipset: Chipset
  let requests: Requests
  let endpoints: Endpoints
  /// Is told what processors and devices do besides computing, in order; none costs nothing.
  ///
  /// It may look at the machine, and must not change it.
  public var observer: ((ExecutionEvent) -> Void)? { didSet { connectObserver() } }
  var turn = Turn()
  var replay: InputReplay?
  var heldKeys = HeldKeys()
  var heldInput = HeldInput(portCount: PortMap.serial.count)

  /// Makes a machine and loads the image.
  ///
  /// - Parameters:
  ///   - image: The kernel, which firmware starts if there is some; nil lets it start a disk.
  ///   - configuration: What the machine is made of.
  /// - Throws: `ConfigurationError` or `ImageError`, with one sentence each.
  public init(
    image: KernelImage?, configuration: MachineConfiguration = MachineConfiguration()
  ) throws {
    try configuration.validate()
    guard image != nil || configuration.firmware != nil else {
      throw ConfigurationError("a machine starts with a kernel or with firmware (--bios)")
    }
    let parts = try configuration.firmware == nil ? nil : image?.parts(for: configuration)
    let rom = configuration.firmware?.bytes ?? []
    guard let memory = PhysicalMemory(size: configuration.memory, rom: rom) else {
      throw ConfigurationError(
        "the host refuses \(configuration.memory >> 20) MiB for the guest's memory")
    }
    self.configuration = configuration
    self.image = image
    self.memory = memory
    let clock = VirtualClock()
    let requests = Requests()
    let ends = Endpoints(portCount: PortMap.serial.count)
    chipset = Chipset(
      configuration: configuration, memory: memory, clock: clock, kernel: parts,
      requests: Chipset.Requests(
        powerOff: { requests.stop = .poweredOff },
        reset: { requests.isResetRequested = true },
        debugExit: { requests.stop = .debugExit($0) },
        transmit: { ends.transmit($0, $1) }, debugTransmit: { ends.debugTransmit($0) },
        logFirmware: { ends.firmwareLog.transmit($0) },
        virtio: ends.virtioRequests,
        signal: { requests.signals.append((processor: $0, signal: $1)) }))
    processors = Self.makeProcessors(
      configuration, memory: memory, chipset: chipset, clock: clock)
    processor = processors[0]
    self.clock = clock
    self.requests = requests
    serialPorts = ends.makeConsoles()
    console = serialPorts[0]
    debugConsole = ends.debugConsole
    firmwareLog = ends.firmwareLog
    virtioConsole = ends.virtioConsole
    network = ends.network
    endpoints = ends
    // Not weak: a weak reference would make every retain of the machine slow.
    ends.receive = { [unowned self] port, bytes in receive(bytes, port: port) }
    // Not the processors themselves, whose bus leads to the gate.
    chipset.addressGate.output = { [unowned self] isOpen in
      for processor in processors { processor.cpu.setAddressLine20(isOpen) }
    }
    try load()
    giveTurn(to: 0)
  }

  private static func makeProcessors(
    _ configuration: MachineConfiguration, memory: PhysicalMemory, chipset: Chipset,
    clock: VirtualClock
  ) -> [Processor] {
    let count = UInt32(chipset.localAPICs.count)
    var processors: [Processor] = []
    for (number, localAPIC) in chipset.localAPICs.enumerated() {
      let processor = Processor(
        memory: memory, bus: chipset.bus, interrupts: localAPIC, clock: clock,
        identification: ProcessorIdentification(
          apicID: UInt32(number), processors: count, model: configuration.processorModel),
        beside: processors.first)
      processor.cpu.state.pointee.randomNumbers = SeededNumbers(
        seed: configuration.seed &+ UInt64(number))
      processors.append(processor)
    }
    return processors
  }

  deinit {
    // Consoles may outlive the machine.
    endpoints.receive = { _, _ in }
  }

  /// Loads the image, if there is one, and puts the bootstrap processor at its entry.
  private func load() throws(ImageError) {
    // With firmware the processor is where it starts, in the ROM.
    guard let image, configuration.firmware == nil else { return }
    chipset.pci.hostBridge.shadow(isWritable: true)
    defer { chipset.pci.hostBridge.shadow(isWritable: false) }
    chipset.pci.assignResources(edgeLevel: chipset.pics.levelControl)
    let tables = chipset.acpiTables(
      processors: configuration.processors, at: MemoryMap.acpiTables)
    _ = tables.bytes.withUnsafeBytes { memory.write(PhysicalAddress(tables.address), $0) }
    var loader = Loader(
      image: image, memory: memory, memoryMap: MemoryMap.ranges(of: memory),
      rsdp: tables.rsdpAddress,
      bootTime: configuration.startTime &+ clock.now / 1_000_000_000,
      processors: processors.count)
    loader.hasFiveLevelPaging = processor.cpu.has(.la57)
    let entry = try loader.load(configuration)
    for processor in processors { processor.cpu.setMemoryTypes() }
    for (processor, entry) in zip(processors, [entry] + entry.others) {
      processor.cpu.enter(entry, seed: configuration.seed)
    }
  }

  /// Presses the reset button: everything back to power-on, the image loaded again.
  ///
  /// Virtual time and the instruction count go on.
  public func reset() throws(ImageError) {
    resetCount += 1
    report(.reset)
    // Firmware tells a restart from power-on by what it finds in memory.
    if configuration.firmware == nil { memory.clear() }
    chipset.reset()
    for processor in processors {
      processor.reset()
      processor.connections.recorder.removeAll()
    }
    requests.signals.removeAll()
    giveTurn(to: 0)
    try load()
  }

  /// Asks a running machine to stop soon.
  ///
  /// May be called from any thread or signal handler.
  public func requestStop() { requests.isStopRequested.store(true, ordering: .relaxed) }

  // MARK: Looking inside

  /// Reads `count` bytes of linear memory as the current processor maps it; nil where nothing is.
  public func read(linear address: UInt64, count: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      let at = LinearAddress(address &+ UInt64(bytes.count))
      guard let page = processor.cpu.peekTranslation(at) else { return nil }
      let length = min(count - bytes.count, Int(PhysicalMemory.pageSize - at.offset))
      guard
        let piece = memory.read(PhysicalAddress(page.physicalPage | at.offset), count: length)
      else { return nil }
      bytes += piece
    }
    return bytes
  }

  /// Reads a 64-bit number from linear memory.
  public func read(linear address: UInt64) -> UInt64? {
    read(linear: address, count: 8)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A digest of everything the machine remembers: processors, memory, devices.
  public func stateDigest() -> UInt64 {
    var digest = StateDigest()
    for processor in processors { processor.cpu.add(to: &digest) }
    if processors.count > 1 { addTurn(to: &digest) }
    memory.add(to: &digest)
    for device in chipset.stateful { Self.add(device, to: &digest) }
    heldInput.add(to: &digest)
    heldKeys.add(to: &digest)
    return digest.value
  }

  /// The digests of the machine's parts by name, to find out where two machines differ.
  public func partDigests() -> [(name: String, digest: UInt64)] {
    var parts: [(name: String, digest: UInt64)] = []
    for (number, processor) in processors.enumerated() {
      var digest = StateDigest()
      processor.cpu.add(to: &digest)
      parts.append(("processor \(number)", digest.value))
    }
    var turnDigest = StateDigest()
    addTurn(to: &turnDigest)
    var memoryDigest = StateDigest()
    memory.add(to: &memoryDigest)
    parts += [("turn", turnDigest.value), ("memory", memoryDigest.value)]
    for (index, device) in chipset.stateful.enumerated() {
      var digest = StateDigest()
      Self.add(device, to: &digest)
      parts.append(("\(index) \(type(of: device))", digest.value))
    }
    return parts
  }

  /// Where devices answer now, the same device perhaps at several places.
  package var deviceRegions: [BusRegion] { chipset.bus.allRegions }

  private static func add(_ device: some StatefulDevice, to digest: inout StateDigest) {
    // Encoding fails only for values without a representation, which no state has.
    guard let bytes = try? StateEncoder().encode(device.state) else { return }
    digest.add(UInt64(bytes.count))
    digest.add(bytes)
  }
}

/// What has been asked of a machine and not yet done.
final class Requests {
  var stop: StopReason?
  var isResetRequested = false
  /// INIT and start-up messages, in the order they were sent.
  var signals: [(processor: Int, signal: ProcessorSignal)] = []
  var isConditionMet = false
  /// An observer wants to look.
  var isDebuggerStop = false
  let isStopRequested = Atomic(false)
}

/// Starting the other processors: INIT, then STARTUP with the page where they begin.
///
/// The boot processor prepares everything an application processor needs (its area, its stacks), tells
/// it where by words in the trampoline, wakes it, and waits until it says that it is there; then the
/// next one. SDM Vol. 3A, "Multiple-Processor (MP) Initialization".
import KernelArch

enum Processors {
  static func start() {
    percpu0.apic_id = LocalAPIC.id
    percpu0.online = 1
    percpu0.idle_stack = linker_idle_stack_top()
    if !InterruptStack.prepare(CPU.current.area) { panic("no memory for a stack for interrupts") }
    let found = Firmware.interruptControllers?.processors ?? []
    let limit = Configuration.SMP ? min(CPU.capacity, Power.options.maximumProcessors) : 1
    let others = found.filter { $0 != percpu0.apic_id }.prefix(limit - 1)
    if !others.isEmpty {
      prepareTrampoline()
      for id in others { start(id) }
    }
    log("smp", "\(CPU.count) of \(max(1, found.count)) processors")
    ProcFS.add("cpuinfo") { Features.writeTable(to: &$0) }
  }

  private static func start(_ id: UInt32) {
    guard let cpu = prepare(index: CPU.count, id) else {
      log("smp", "no memory for processor \(CPU.count)")
      return
    }
    LocalAPIC.send(LocalAPIC.Command.initialize, to: id)
    Clock.wait(microseconds: 10)  // 10 ms on processors before the Pentium 4
    for _ in 0..<2 where !isOnline(cpu) {
      LocalAPIC.send(LocalAPIC.Command.startup(at: Layout.trampoline), to: id)
      let deadline = Clock.nanoseconds + 100_000_000
      while !isOnline(cpu), Clock.nanoseconds < deadline { cpu_pause() }
    }
    guard isOnline(cpu) else {
      log("smp", "processor with APIC ID \(id) does not start")
      return
    }
    CPU.count += 1
  }

  private static func isOnline(_ cpu: CPU) -> Bool {
    atomic_load32(&cpu.area.pointee.online) != 0
  }

  /// Makes the area and the stacks of the next processor, and tells the trampoline.
  private static func prepare(index: Int, _ id: UInt32) -> CPU? {
    guard let frames = Frames.allocate(order: 1, .zero), let idle = KernelStacks.allocate(),
      let doubleFault = KernelStacks.allocate(.large), let nonMaskable = KernelStacks.allocate(),
      let machineCheck = KernelStacks.allocate(), let debug = KernelStacks.allocate()
    else { return nil }
    // First the entry page, then the area.
    let area = (frames + pageSize).pointer.bindMemory(to: percpu_t.self, capacity: 1)
    area.pointee.`self` = area
    area.pointee.index = UInt32(index)
    area.pointee.apic_id = id
    area.pointee.idle_stack = idle
    InterruptStatistics.start(area)
    guard InterruptStack.prepare(area) else { return nil }
    Descriptors.setStacks(
      CPU(area: area), doubleFault: doubleFault, nonMaskable: nonMaskable,
      machineCheck: machineCheck, debug: debug)
    Isolation.share(CPU(area: area))
    address_of_percpu_table()[index] = area
    tell(linker_trampoline_area(), UInt64(UInt(bitPattern: area)))
    tell(linker_trampoline_stack(), idle)
    return CPU(area: area)
  }

  private static func tell(_ word: UInt64, _ value: UInt64) {
    let copy = PhysicalAddress(Layout.trampoline).pointer
    copy.storeBytes(of: value, toByteOffset: Int(word - linker_trampoline_start()), as: UInt64.self)
  }

  /// Copies the code, and makes page tables that have it where it lies in physical memory too.
  private static func prepareTrampoline() {
    let code = PhysicalAddress(Layout.trampoline)
    let size = linker_trampoline_end() - linker_trampoline_start()
    code.pointer.copyMemory(from: pointer_to(linker_trampoline_start()), byteCount: Int(size))
    tell(linker_trampoline_entry(), address_of_processor_start())
    let root = code + pageSize
    let pointers = root + pageSize
    let directory = pointers + pageSize
    root.pointer.copyMemory(from: KernelSpace.tables.root.pointer, byteCount: Int(pageSize))
    pointers.pointer.initializeMemory(as: UInt8.self, repeating: 0, count: 2 * Int(pageSize))
    let path: PageFlags = [.present, .writable]
    PageTables.entry(root, 0).pointee = pointers.value | path.rawValue
    PageTables.entry(pointers, 0).pointee = directory.value | path.rawValue
    PageTables.entry(directory, 0).pointee = path.union(.large).rawValue
  }
}

/// Called by processor_start on an application processor, with interrupts off.
@c(processor_main)
public func processorMain() {
  let cpu = CPU.current
  TLB.load(KernelSpace.tables.root)
  Features.enableProtections()
  Descriptors.load(cpu)
  if Configuration.KGDB { Watchpoints.load() }  // a debugger may have been there before
  LocalAPIC.start()
  TimerQueue.startProcessor()
  atomic_store32(&cpu.area.pointee.online, 1)
  Scheduler.startProcessor()
  Tick.start()
  Scheduler.idleForever()
}

/// The kernel's beginning: each line of `kmain` brings one more part to life.
import KernelArch

/// Called by boot.S on the idle stack, with interrupts off and boot page tables.
@c(kmain)
public func kernelMain(_ magic: UInt32, _ information: UInt64) {
  KernelHeap.start()
  KernelLog.start()
  Console.start()
  Clock.calibrate()
  Features.detect()
  let boot = BootInformation(magic: magic, address: information)
  Power.options = BootOptions(commandLine: boot.commandLine)
  KernelLog.isOnConsole = !Power.options.isQuiet
  for name in Power.options.leftOut { Configuration.leaveOut(name) }
  if !Configuration.MISTAKES { Power.options.faults = [] }
  Boot.greet(boot)
  Descriptors.load()
  Boot.startMemory(boot)
  Firmware.start(boot.rootPointer)
  IRQ.start()
  Files.start(modules: boot.modules)
  ProcFS.start()
  ProcFS.add("config") { Configuration.write(to: &$0) }
  ProcFS.add("cmdline") { $0.append(bytes: boot.commandLine + [0x0a]) }
  MemoryStatistics.publish()
  CharacterDevices.start()
  KernelDemos.start()
  Taint.start()
  KernelLog.publish()
  SymbolList.start()
  Panic.prepare()
  if Configuration.MODULES { Modules.start() }
  Boot.startTracing()
  Scheduler.startProcessor()
  Processors.start()
  SoftIRQ.start()
  Kmalloc.addMagazines()
  Boot.publish()
  RTC.start()
  Thread.spawn("init") { Init.run() }
  Reclaim.start()
  Thread.spawn("reaper") { Reaper.run() }
  Thread.spawn("rcu") { RCU.run() }
  SchedulingFiles.start()
  LockFiles.start()
  SoftIRQ.startThreads()
  WorkQueue.start()
  Watchdogs.start()
  AllocationFailures.start()
  Console.listen()
  TimerQueue.startProcessor()
  Tick.start()
  log("sched", "deadline, real time, fair; \(Clock.ticksPerSecond) ticks per second")
  Scheduler.idleForever()
}

enum Boot {
  /// What kernel.config left in of the ways to look into the kernel.
  static func startTracing() {
    Patch.prepare()
    if Configuration.TRACING { Trace.start() }
    if Configuration.TRACING, Configuration.SCRIPTS { Scripts.start() }
    if Configuration.KPROBES { Kprobes.start() }
    if Configuration.PERF { Perf.start() }
    if Configuration.KGDB { Debugger.start() }
    if Configuration.MAGIC_KEYS { MagicKeys.start() }
  }

  static func greet(_ boot: BootInformation) {
    if KernelLog.isOnConsole { Console.write("\nApus, a teaching kernel in Embedded Swift\n\n") }
    let protocolName: StaticString = boot.source == .pvh ? "PVH" : "multiboot2"
    log("boot", "by \(protocolName), command line \"\(text: boot.commandLine)\"")
    for word in Power.options.unknown { log("boot", "unknown option \(text: word)") }
    Features.describe()
    log("clock", clock)
  }

  private static var clock: TextLine {
    let half: UInt64 = 500_000
    var line: TextLine = "counter \((Clock.counterFrequency + half) / 1_000_000) MHz"
    line.append(line: ", APIC timer \((Clock.timerFrequency * 16 + half) / 1_000_000) MHz, ")
    if let error = Clock.counterError {
      line.append(line: "measured against the 8254 to \(error) millionths")
    } else {
      line.append("without an 8254 to measure them")
    }
    return line
  }

  static func publish() {
    SystemRequests.start()
    KernelCosts.start()
    ProcFS.add("interrupts") { InterruptStatistics.writeTable(to: &$0) }
    if Configuration.ISOLATION {
      ProcFS.add("pti", write: { Isolation.control($0) }) { Isolation.write(to: &$0) }
    }
    ProcFS.add("timer_list") { TimerQueue.writeTable(to: &$0) }
  }

  /// Physical memory, page tables, heap; then the boot code's frames are free.
  static func startMemory(_ boot: BootInformation) {
    var map = MemoryMap(firmware: boot.regions)
    for region in map.regions {
      log(
        "memory",
        "  \(hex: region.base, digits: 16)-\(hex: region.end - 1, digits: 16) \(size: region.length) \(region.kind.name)"
      )
    }
    map.reserve(base: Layout.trampoline, end: Layout.trampoline + 4 * pageSize)
    map.reserve(base: linker_boot_start(), end: linker_kernel_end() - Layout.image)
    for module in boot.modules {
      let start = PhysicalAddress(module.base).alignedDown()
      map.reserve(
        base: start.value, end: (PhysicalAddress(module.base) + module.size).alignedUp().value)
    }
    Frames.start(&map)
    if Configuration.KASLR { Randomization.start(seed: Power.options.randomSeed) }
    Isolation.start(Power.options.isolatesKernel)
    KernelSpace.start(map)
    Kmalloc.start(isChecked: Configuration.SLAB_CHECKS && Power.options.checksSlabs)
    ZeroPage.start()
    Frames.reclaim(linker_boot_start()..<linker_boot_end())
    log(
      "memory",
      "\(size: Frames.freeBytes) free in \(Frames.freeBytes / pageSize) frames, \(size: linker_boot_end() - linker_boot_start()) of boot code reclaimed"
    )
  }
}

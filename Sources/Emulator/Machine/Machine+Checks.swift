/// What checks of a running guest look at, and the one thing that they do.
extension Machine {
  /// The interrupt controller at which a vector that a processor took is still in service; nil
  /// after its end, and for a spurious one.
  package func serviceController(of vector: UInt8, processor: Int) -> String? {
    if chipset.localAPICs[processor].state.inService.contains(vector) { return "local APIC" }
    let pics = chipset.pics.state
    let slavePin = vector &- pics.slave.vectorBase
    let masterPin = vector &- pics.master.vectorBase
    if slavePin < 8 {
      if pics.slave.inService & 1 << slavePin != 0 { return "second 8259" }
      // The first one serves its cascade for as long as the second one serves anything.
      if pics.slave.inService == 0 && pics.master.inService & 1 << 2 != 0 { return "first 8259" }
    } else if masterPin < 8, pics.master.inService & 1 << masterPin != 0 {
      return "first 8259"
    }
    return nil
  }

  /// Whether an interrupt would be delivered before the next instruction.
  package var mayInterrupt: Bool {
    let state = processor.cpu.state.pointee
    return state.activity == Activity.running.rawValue
      && state.shadow == InterruptShadow.none.rawValue
      && state.rflags & RFLAGS.interruptEnable.rawValue != 0
  }

  /// Makes the timer that the present processor or the machine is interrupted by fire now.
  ///
  /// - Returns: Whether one runs.
  package func fireTimerEarly() -> Bool {
    if chipset.localAPICs[turn.index].hasRunningTimer {
      receive([UInt8(truncatingIfNeeded: turn.index)], port: InputLog.timer)
    } else if chipset.pit.isRunning {
      receive([Chipset.intervalTimer], port: InputLog.timer)
    } else {
      return false
    }
    return true
  }

  /// Tells `observer` whenever an instruction of a processor changed IF; `self.observer` must be
  /// there, too.
  package func observeInterruptFlag(
    _ observer: @escaping (_ processor: Int, _ isOn: Bool, _ address: UInt64) -> Void
  ) {
    for (number, processor) in processors.enumerated() {
      processor.connections.interruptFlagObserver = { observer(number, $0, $1) }
    }
  }

  /// Tells `observer` of code that is about to execute for the first time since it was written:
  /// the linear address by its processor, and the physical one.
  package func observeNewCode(
    _ observer: @escaping (_ cpu: CPU, _ linear: UInt64, _ physical: UInt64) -> Void
  ) {
    processor.connections.blocks.blockObserver = { cpu, physical in
      observer(cpu, cpu.instructionPointer.value, physical)
    }
  }
}

extension Chipset {
  /// The 8254, where timers are numbered.
  static let intervalTimer: UInt8 = 255

  /// Lets a timer expire now.
  func fireTimer(_ number: UInt8) {
    if number == Self.intervalTimer {
      pit.expire()
    } else if localAPICs.indices.contains(Int(number)) {
      localAPICs[Int(number)].expireTimer()
    }
  }
}

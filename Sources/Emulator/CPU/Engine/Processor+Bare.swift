/// A processor without a machine around it, for tests that set and read its state from outside.
extension Processor {
  /// Makes a processor on its own: no devices, no interrupts.
  ///
  /// `features` are those that the most complete model has and this one is to lack.
  package convenience init(bare memory: PhysicalMemory, lacking features: [ProcessorFeature] = []) {
    let outside = Nothing()
    self.init(
      memory: memory, bus: outside, interrupts: outside, clock: outside,
      identification: ProcessorIdentification(lacking: features))
  }

  /// Tells the processor that somebody else changed its state: mode, translations and armed checks
  /// follow from it anew.
  package func stateWasReplaced() {
    cpu.state.pointee.activity = Activity.running.rawValue
    cpu.state.pointee.shadow = InterruptShadow.none.rawValue
    cpu.state.pointee.pendingDebug = 0
    connections.interrupts.taskPriorityClass = 0
    cpu.flushTLB()
    cpu.updateMode()
  }

  /// Writes memory from outside, as DMA does: code decoded from there is dropped.
  package func writeMemory(_ address: PhysicalAddress, _ bytes: UnsafeRawBufferPointer) {
    connections.memory.write(address, bytes)
    _ = connections.blocks.invalidate(address, count: UInt64(bytes.count))
  }

  /// The host's view of the page at `address`.
  package func memoryPage(_ address: PhysicalAddress) -> UnsafeMutableRawPointer? {
    connections.memory.host(address)
  }
}

/// A bus without devices, a line without interrupts, a clock nobody reads.
private final class Nothing: Bus, InterruptSource, CPUClock {
  var now: UInt64 = 0
  var hasPendingInterrupt: Bool { false }
  var hasPendingNMI: Bool { false }
  var taskPriorityClass: UInt8 = 0
  var mmioBase: UInt64? { nil }

  func readPort(_ port: UInt16, size: AccessSize) -> UInt64 { size.mask }
  func writePort(_ port: UInt16, size: AccessSize, value: UInt64) {}
  func readMMIO(_ address: PhysicalAddress, size: AccessSize) -> UInt64 { size.mask }
  func writeMMIO(_ address: PhysicalAddress, size: AccessSize, value: UInt64) {}
  func acknowledgeInterrupt() -> UInt8 { 0 }
  func acknowledgeNMI() {}
  func readMSR(_ index: UInt32) -> UInt64? { nil }
  func writeMSR(_ index: UInt32, _ value: UInt64) -> Bool { false }
}

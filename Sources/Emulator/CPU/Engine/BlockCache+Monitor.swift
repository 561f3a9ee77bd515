/// What a store to a line that somebody watches has done.
struct WriteEffect: OptionSet {
  let rawValue: UInt8

  /// Decoded code was written.
  static let droppedCode = WriteEffect(rawValue: 1)
  /// A processor that waited for the store may go on.
  static let wokeProcessor = WriteEffect(rawValue: 2)
}

/// The lines that MONITOR armed: stores to them are noticed as stores to code are.
extension BlockCache {
  /// Bytes of a monitored line, as CPUID leaf 5 says.
  static let monitorLineSize: UInt64 = 64

  /// Arms the monitor of `cpu` for the line of `address`, which is RAM.
  func armMonitor(_ cpu: CPU, at address: PhysicalAddress) {
    disarmMonitor(cpu)
    let line = address.value & ~(Self.monitorLineSize &- 1)
    cpu.state.pointee.monitorLine = line
    mark(line & ~0xFFF, GuestRAM.lines(line & 0xFFF, Self.monitorLineSize))
  }

  /// Takes the monitor of `cpu` back.
  func disarmMonitor(_ cpu: CPU) {
    guard let line = cpu.monitorLine else { return }
    cpu.state.pointee.monitorLine = .max
    refreshLines(page: line & ~0xFFF)
  }

  /// Disarms the monitors whose line a write touches.
  func triggerMonitors(_ address: PhysicalAddress, count: UInt64) -> WriteEffect {
    var effect: WriteEffect = []
    for cpu in processors {
      guard let line = cpu.monitorLine, line < address.value &+ count,
        address.value < line &+ Self.monitorLineSize
      else { continue }
      cpu.state.pointee.monitorLine = .max
      effect.insert(.wokeProcessor)
    }
    return effect
  }

  /// The lines of a page that a monitor is armed for.
  func monitoredLines(page: UInt64) -> UInt64 {
    var lines: UInt64 = 0
    for cpu in processors {
      guard let line = cpu.monitorLine, line & ~0xFFF == page else { continue }
      lines |= GuestRAM.lines(line & 0xFFF, Self.monitorLineSize)
    }
    return lines
  }

  /// Marks the armed lines again after every mark was taken away.
  func markMonitors() {
    for cpu in processors {
      guard let line = cpu.monitorLine else { continue }
      mark(line & ~0xFFF, GuestRAM.lines(line & 0xFFF, Self.monitorLineSize))
    }
  }
}

extension CPU {
  /// The physical line that MONITOR armed and nobody has written since.
  var monitorLine: UInt64? {
    let line = state.pointee.monitorLine
    return line == .max ? nil : line
  }
}

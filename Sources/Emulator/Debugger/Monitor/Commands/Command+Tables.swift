import Emulator

extension Command {
  /// Commands that decode the tables the processor works by.
  static let tables: [Command] = [
    Command(
      name: "gdt", topic: .tables, help: "Decode the global descriptor table."
    ) { monitor, _ throws(MonitorError) in
      let table = monitor.cpu.state.pointee.gdtr
      return monitor.descriptors(base: table.base, limit: UInt64(table.limit), name: "GDT")
    },
    Command(
      name: "ldt", topic: .tables, help: "Decode the local descriptor table."
    ) { monitor, _ throws(MonitorError) in
      let table = monitor.cpu[.ldtr]
      guard table.isPresent else { return "no LDT is loaded" }
      return monitor.descriptors(base: table.base, limit: UInt64(table.limit), name: "LDT")
    },
    Command(
      name: "idt", arguments: "[VECTOR]", topic: .tables,
      help: "Decode the interrupt descriptor table, gates that are the same but for their handlers "
        + "one by one."
    ) { monitor, text throws(MonitorError) in
      monitor.interruptTable(text.isEmpty ? nil : try monitor.value(text))
    },
    Command(
      name: "tss", topic: .tables,
      help: "Decode the task-state segment: stacks, interrupt stacks, the I/O permission bitmap."
    ) { monitor, _ throws(MonitorError) in monitor.taskState() },
  ]
}

extension Monitor {
  func descriptors(base: UInt64, limit: UInt64, name: String) -> String {
    let isIA32e = cpu.isIA32e
    var lines = ["\(name) at \(describe(base)), limit \(limit.hex)"]
    var offset: UInt64 = 0
    while offset + 7 <= limit, lines.count < 1024 {
      defer { offset += 8 }
      guard let low = memory.number(base &+ offset) else {
        lines.append("  \(offset.hex(digits: 4))  cannot be read")
        break
      }
      if low == 0, offset != 0 { continue }
      var descriptor = Descriptor(low: low)
      var size: UInt64 = 8
      if isIA32e, !descriptor.isCodeOrData, low != 0 {
        descriptor.high = memory.number(base &+ offset &+ 8) ?? 0
        size = 16
      }
      lines.append(
        "  \(offset.hex(digits: 4))  " + DescriptorText.describe(descriptor, isIA32e: isIA32e))
      if size == 16 { offset += 8 }
    }
    return lines.joined(separator: "\n")
  }

  func interruptTable(_ only: UInt64?) -> String {
    let table = cpu.state.pointee.idtr
    if cpu.mode.contains(.real) { return realModeVectors(only) }
    let size: UInt64 = cpu.isIA32e ? 16 : 8
    var lines = ["IDT at \(describe(table.base)), limit \(UInt64(table.limit).hex)"]
    for vector in UInt64(0)..<256 where only == nil || only == vector {
      let offset = vector * size
      guard offset + size - 1 <= UInt64(table.limit) else {
        if only != nil { lines.append("  vector \(vector) lies beyond the limit") }
        break
      }
      guard let low = memory.number(table.base &+ offset) else {
        lines.append("  vector \(vector): cannot be read")
        break
      }
      let high = size == 16 ? memory.number(table.base &+ offset &+ 8) ?? 0 : 0
      if low == 0, high == 0, only == nil { continue }
      lines.append("  " + gate(vector, Descriptor(low: low, high: high)))
    }
    return lines.joined(separator: "\n")
  }

  private func gate(_ vector: UInt64, _ gate: Descriptor) -> String {
    let name = ExceptionNames.name(UInt8(truncatingIfNeeded: vector))
    var text = "\(vector.hex(digits: 2))  "
    if !gate.isPresent { text += "NOT PRESENT, " }
    guard let type = gate.systemType else { return text + "no gate at all (\(name))" }
    text += DescriptorText.name(type)
    text += " to \(UInt64(gate.gateSelector.rawValue).hex):\(describe(gate.gateOffset))"
    if gate.dpl != 0 { text += ", DPL \(gate.dpl)" }
    if cpu.isIA32e, gate.interruptStack != 0 { text += ", IST \(gate.interruptStack)" }
    return "\(text)  (\(name))"
  }

  private func realModeVectors(_ only: UInt64?) -> String {
    var lines = ["interrupt vectors of real-address mode"]
    for vector in UInt64(0)..<256 where only == nil || only == vector {
      guard let entry = memory.number(cpu.state.pointee.idtr.base &+ vector * 4, size: 4) else {
        continue
      }
      if entry == 0, only == nil { continue }
      let (segment, offset) = (entry >> 16, entry & 0xFFFF)
      lines.append(
        "  \(vector.hex(digits: 2))  \(segment.hex(digits: 4)):\(offset.hex(digits: 4))")
    }
    return lines.joined(separator: "\n")
  }

  func taskState() -> String {
    let task = cpu[.tr]
    guard task.isPresent else { return "no TSS is loaded (TR is null)" }
    var lines = [
      "TSS \(UInt64(task.selector).hex) at \(describe(task.base)), limit \(UInt64(task.limit).hex), "
        + DescriptorText.describe(task)
    ]
    func field(_ name: String, _ offset: UInt64, _ size: Int) {
      guard offset + UInt64(size) - 1 <= UInt64(task.limit) else {
        lines.append("  \(name.padded(5)) beyond the limit")
        return
      }
      let value = memory.number(task.base &+ offset, size: size)
      lines.append("  \(name.padded(5)) " + (value.map { describe($0) } ?? "cannot be read"))
    }
    if cpu.isIA32e {
      for level in UInt64(0)..<3 { field("RSP\(level)", 4 + level * 8, 8) }
      for stack in UInt64(1)...7 { field("IST\(stack)", 0x24 + (stack - 1) * 8, 8) }
    } else if task.type & 8 != 0 {
      for level in UInt64(0)..<3 {
        field("ESP\(level)", 4 + level * 8, 4)
        field("SS\(level)", 8 + level * 8, 2)
      }
      field("CR3", 0x1C, 4)
    }
    if task.type & 8 != 0, let base = memory.number(task.base &+ 0x66, size: 2) {
      lines.append(
        base > UInt64(task.limit)
          ? "  I/O permission bitmap: none (at \(base.hex), beyond the limit)"
          : "  I/O permission bitmap at \(base.hex)")
    }
    return lines.joined(separator: "\n")
  }
}

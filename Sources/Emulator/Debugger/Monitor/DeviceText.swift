import Emulator

/// Devices in words, from their states.
enum DeviceText {
  private static let deliveryModes = [
    "fixed", "lowest priority", "SMI", "reserved", "NMI", "INIT", "start-up", "ExtINT",
  ]

  private static func vectors(_ set: VectorSet) -> String {
    let list = (0...255).filter { set.contains(UInt8($0)) }.map { UInt64($0).hex }
    return list.isEmpty ? "none" : list.joined(separator: " ")
  }

  // MARK: APICs

  static func localAPIC(_ machine: Machine, _ number: Int) -> [String] {
    let device = machine.chipset.localAPICs[number]
    let state = device.state
    let isOn = state.base & 1 << 11 != 0
    var lines = [
      "local APIC \(state.id) at \((state.base & ~0xFFF).hex): "
        + (isOn
          ? (state.base & 1 << 10 != 0 ? "x2APIC mode" : "xAPIC mode") : "off (IA32_APIC_BASE)")
        + (state.spuriousVector & 1 << 8 == 0 ? ", disabled by software (SVR bit 8)" : "")
        + ", spurious vector \(UInt64(state.spuriousVector & 0xFF).hex)",
      "  TPR \(UInt64(state.taskPriority).hex)  logical destination "
        + "\(UInt64(state.logicalDestination).hex)  format \(UInt64(state.destinationFormat).hex)"
        + "  errors \(UInt64(state.errorStatus).hex)  last command \(state.interruptCommand.hex)",
      "  requested: \(vectors(state.requested))", "  in service: \(vectors(state.inService))",
    ]
    for (entry, name) in zip(state.localVectors, LocalInterrupt.allCases) {
      lines.append("  \("\(name)".padded(12)) \(localVector(entry.bits, isTimer: name == .timer))")
    }
    let timer = state.timer
    if timer.deadline != 0 {
      lines.append("  timer: deadline \(timer.deadline)")
    } else {
      lines.append(
        "  timer: initial \(timer.initialCount), current \(device.currentCount), divided by "
          + "\(1 << timer.shift)")
    }
    if state.isNMIPending { lines.append("  an NMI is pending") }
    return lines
  }

  private static func localVector(_ bits: UInt32, isTimer: Bool) -> String {
    var words = ["vector \(UInt64(bits & 0xFF).hex)"]
    if isTimer {
      words.append(["one-shot", "periodic", "TSC deadline", "reserved mode"][Int(bits >> 17 & 3)])
    } else {
      words.append(deliveryModes[Int(bits >> 8 & 7)])
    }
    if bits & 1 << 16 != 0 { words.append("masked") }
    if bits & 1 << 15 != 0 { words.append("level") }
    if bits & 1 << 14 != 0 { words.append("remote IRR") }
    return words.joined(separator: ", ")
  }

  static func ioAPIC(_ machine: Machine) -> [String] {
    let state = machine.chipset.ioAPIC.state
    return ["I/O APIC \(state.id >> 24), pins that are high: \(UInt64(state.pins).hex)"]
      + state.entries.enumerated().map { pin, entry in
        let bits = entry.bits
        var words = [
          "vector \((bits & 0xFF).hex)", deliveryModes[Int(bits >> 8 & 7)],
          bits & 1 << 15 != 0 ? "level" : "edge",
          "to \(bits & 1 << 11 != 0 ? "logical " : "")\((bits >> 56).hex)",
        ]
        if bits & 1 << 13 != 0 { words.append("active low") }
        if bits & 1 << 14 != 0 { words.append("remote IRR: waits for EOI") }
        return "  pin \("\(pin)".padded(3))"
          + (bits & 1 << 16 != 0
            ? "masked (\(words.joined(separator: ", ")))" : words.joined(separator: ", "))
      }
  }

  // MARK: Legacy devices

  static func pics(_ machine: Machine) -> [String] {
    let state = machine.chipset.pics.state
    return [("master", state.master), ("slave", state.slave)].flatMap { name, pic -> [String] in
      func lines(_ bits: UInt8) -> String {
        let list = (0..<8).filter { bits >> $0 & 1 != 0 }.map { "\($0)" }
        return list.isEmpty ? "none" : list.joined(separator: " ")
      }
      var modes: [String] = []
      if pic.isAutomaticEOI { modes.append("automatic EOI") }
      if pic.isSpecialMaskMode { modes.append("special mask") }
      if pic.isSpecialFullyNested { modes.append("special fully nested") }
      return [
        "\(name) 8259: vectors from \(UInt64(pic.vectorBase).hex)"
          + (modes.isEmpty ? "" : ", " + modes.joined(separator: ", ")),
        "  masked: \(lines(pic.mask))  high: \(lines(pic.pins))  edges: \(lines(pic.edges))  "
          + "in service: \(lines(pic.inService))  level: \(lines(pic.levelControl))",
      ]
    }
  }

  static func pit(_ machine: Machine) -> [String] {
    let state = machine.chipset.pit.state
    return state.counters.enumerated().map { index, counter in
      guard counter.isLoaded else { return "counter \(index): mode \(counter.mode), not loaded" }
      let rate = 1_193_182.0 / Double(max(1, counter.loadedCount))
      return "counter \(index): mode \(counter.mode)\(counter.isBCD ? ", BCD" : ""), count "
        + "\(counter.value(at: state.observed)) of \(counter.loadedCount) "
        + "(\(Int(rate)) Hz), gate \(counter.gate ? "high" : "low"), out "
        + "\(counter.output(at: state.observed) ? "high" : "low")"
    }
  }

  static func hpet(_ machine: Machine) -> [String] {
    let device = machine.chipset.hpet
    let state = device.state
    var lines = [
      "HPET \(state.configuration & 1 != 0 ? "runs" : "stands"), counter \(device.counter)"
        + (state.configuration & 2 != 0 ? ", legacy replacement" : "")
        + ", status \(state.status.hex)"
    ]
    for (index, comparator) in state.comparators.enumerated() {
      lines.append("  comparator \(index): " + fields(comparator))
    }
    return lines
  }

  static func rtc(_ machine: Machine) -> [String] {
    let memory = machine.chipset.rtc.state.memory
    func number(_ index: Int) -> String { UInt64(memory[index]).hex(digits: 2) }
    return [
      "RTC \(number(0x32))\(number(9))-\(number(8))-\(number(7)) "
        + "\(number(4)):\(number(2)):\(number(0)), as stored",
      "  A \(number(0xA))  B \(number(0xB))  C \(number(0xC))  D \(number(0xD))  alarm "
        + "\(number(5)):\(number(3)):\(number(1))",
    ]
  }

  static func uarts(_ machine: Machine) -> [String] {
    machine.chipset.uarts.enumerated().map { index, device in
      let state = device.state
      let rate = 115_200 / max(1, Int(state.divisor))
      return "COM\(index + 1) at \(UInt64(PortMap.serial[index]).hex): \(rate) baud, LCR "
        + "\(UInt64(state.lineControl).hex), MCR \(UInt64(state.modemControl).hex), IER "
        + "\(UInt64(state.interruptEnable).hex), FIFO "
        + "\(state.fifoControl & 1 != 0 ? "on" : "off"), \(state.received.count) received, "
        + "\(state.waiting.count) on the wire"
    }
  }

  // MARK: PCI

  static func pci(_ machine: Machine) -> [String] {
    machine.chipset.pci.bus.attached.flatMap { slot, function -> [String] in
      var lines = [
        "00:\(UInt64(slot).hex(digits: 2)).0  \(UInt64(function.word(0)).hex(digits: 4)):"
          + "\(UInt64(function.word(2)).hex(digits: 4))  class "
          + "\(UInt64(function.doubleword(8) >> 8).hex(digits: 6))  command "
          + "\(UInt64(function.word(4)).hex(digits: 4))"
          + (function.isBusMaster ? " bus master" : "")
          + (function.interruptPin.map { ", INT\(["A", "B", "C", "D"][$0 & 3])" } ?? "")
          + (function.isInterrupting ? " asserted" : "")
      ]
      for place in function.placements {
        lines.append(
          "  \(place.space == .ports ? "ports" : "memory") \(place.start.hex)-"
            + "\((place.start &+ (place.size &- 1)).hex)  \(PhysicalMapText.name(place.device))")
      }
      return lines
    }
  }

  // MARK: Everything

  static func devices(_ machine: Machine, named name: String) throws(MonitorError) -> [String] {
    let all = machine.chipset.stateful.enumerated().map {
      ($0.offset, "\(type(of: $0.element))", $0.element)
    }
    guard !name.isEmpty else { return all.map { "\($0.0)  \($0.1)" } }
    let wanted = all.filter { "\($0.0)" == name || $0.1.lowercased().contains(name.lowercased()) }
    guard !wanted.isEmpty else { throw MonitorError("there is no device `\(name)`") }
    return wanted.flatMap { number, type, device in
      ["\(number)  \(type)"] + lines(of: device.state, indent: "  ", depth: 0)
    }
  }

  /// The fields of a state, one a line, whatever they are.
  private static func lines(of value: Any, indent: String, depth: Int) -> [String] {
    Mirror(reflecting: value).children.flatMap { child -> [String] in
      let label = child.label ?? "-"
      let mirror = Mirror(reflecting: child.value)
      if depth < 4, mirror.displayStyle == .struct, !mirror.children.isEmpty {
        return ["\(indent)\(label):"]
          + lines(of: child.value, indent: indent + "  ", depth: depth + 1)
      }
      if mirror.displayStyle == .collection, mirror.children.count > 0 {
        return ["\(indent)\(label): \(collection(mirror))"]
      }
      return ["\(indent)\(label): \(text(child.value))"]
    }
  }

  private static func collection(_ mirror: Mirror) -> String {
    let shown = mirror.children.prefix(64).map { text($0.value) }.joined(separator: " ")
    return mirror.children.count > 64 ? "\(shown) … \(mirror.children.count) in all" : shown
  }

  private static func fields(_ value: Any) -> String {
    Mirror(reflecting: value).children.map { "\($0.label ?? "-") \(text($0.value))" }.joined(
      separator: ", ")
  }

  private static func text(_ value: Any) -> String {
    if let number = value as? any BinaryInteger { return UInt64(truncatingIfNeeded: number).hex }
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .struct { return "(\(fields(value)))" }
    if mirror.displayStyle == .optional {
      return mirror.children.first.map { text($0.value) } ?? "none"
    }
    return "\(value)"
  }
}

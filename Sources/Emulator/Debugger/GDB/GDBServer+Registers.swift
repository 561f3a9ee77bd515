import Emulator

/// Registers by number, and the description that numbers them.
extension GDBServer {
  var selectedFile: RegisterFile {
    RegisterFile(machine, processor: selectedProcessor)
  }

  /// g.
  func readRegisters() -> [UInt8] {
    let file = selectedFile
    return layout.fields.flatMap { Self.bytes(of: file.read($0.register), $0.size) }
  }

  /// G: only what differs is written, in the order of the description.
  func writeRegisters(_ reader: PacketReader) -> Bool {
    guard var bytes = HexDigits.decode(reader.rest)?[...] else { return false }
    let file = selectedFile
    var isDone = true
    for field in layout.fields {
      guard bytes.count >= field.size else { return isDone && bytes.isEmpty }
      let new = Array(bytes.prefix(field.size))
      bytes = bytes.dropFirst(field.size)
      if new != Self.bytes(of: file.read(field.register), field.size) {
        isDone = write(field, new) && isDone
      }
    }
    return isDone && bytes.isEmpty
  }

  /// p.
  func readRegister(_ reader: PacketReader) {
    var reader = reader
    guard let number = reader.count(), layout.fields.indices.contains(number) else {
      return reply(.invalidArgument)
    }
    let field = layout.fields[number]
    reply(HexDigits.encode(Self.bytes(of: selectedFile.read(field.register), field.size)))
  }

  /// P.
  func writeRegister(_ reader: PacketReader) -> Bool {
    var reader = reader
    guard let number = reader.count(), layout.fields.indices.contains(number), reader.take("="),
      let bytes = HexDigits.decode(reader.rest), bytes.count == layout.fields[number].size
    else { return false }
    return write(layout.fields[number], bytes)
  }

  private func write(_ field: RegisterField, _ bytes: [UInt8]) -> Bool {
    let file = selectedFile
    var value = bytes.reversed().reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
    if field.bits < 64, case .general = field.register {
      // What the description does not show stays.
      value |= (file.read(field.register) >> UInt128(field.bits)) << UInt128(field.bits)
    }
    let number = selectedProcessor
    return debuggee.edit { [value] machine in
      RegisterFile(machine, processor: number).write(field.register, value)
    }
  }

  private static func bytes(of value: UInt128, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt128($0 * 8)) }
  }

  // MARK: The description

  /// The description for whom asks now.
  ///
  /// GDB cannot change the sizes of registers while it is connected, and refuses a description that
  /// does not fit the file it was given. So the kernel's file decides; where there is none, with
  /// firmware, what the processor executes now does.
  var fittingArchitecture: TargetArchitecture {
    if let wantedArchitecture { return wantedArchitecture }
    let mode = machine.processor.cpu.mode
    switch machine.image {
    case nil: return TargetArchitecture(mode)
    case .some(let image) where image.elf?.width == .bits32 && !mode.contains(.long): return .i386
    default: return .x86x64
    }
  }

  /// From here on packets hold registers as the description that is being read says.
  func adoptDescription() {
    layout = RegisterLayout(fittingArchitecture)
    description = Array(TargetDescription.text(layout).utf8)
  }

  /// `monitor arch`.
  func chooseArchitecture(_ name: String?) -> String {
    guard let name else {
      let wanted = wantedArchitecture?.rawValue ?? "auto"
      return "arch is \(wanted); gdb sees \(layout.architecture.rawValue), "
        + "the code is \(TargetArchitecture(machine.processor.cpu.mode).rawValue)\n"
    }
    let architecture = TargetArchitecture(name: name)
    let isMode = name == "mode"
    guard architecture != nil || name == "auto" || isMode else {
      return "arch takes auto, mode, i8086, i386 or i386:x86-64, not \(name)\n"
    }
    wantedArchitecture = isMode ? TargetArchitecture(machine.processor.cpu.mode) : architecture
    if fittingArchitecture == layout.architecture { return "" }
    return "now let gdb read the description again: unset tdesc filename\n"
  }
}

extension Debuggee {
  /// Changes the machine, for as long as history goes this way.
  func edit(_ body: @escaping (Machine) -> Bool) -> Bool {
    var isDone = false
    modify { machine in isDone = body(machine) }
    return isDone
  }
}

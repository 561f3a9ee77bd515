/// The kernel's own debugger stub: GDB on another machine looks into this one over a serial line.
///
/// The machine stops whole: the processor that met the breakpoint talks, the others wait in an NMI.
/// Processors are GDB's threads, numbered from 1. Nothing here takes a lock or waits for an
/// interrupt: the debugger may have stopped anywhere.
import KernelArch

enum Debugger {
  /// The port it talks over, once `kgdb` asked for it.
  nonisolated(unsafe) private(set) static var port: SerialPort?
  nonisolated(unsafe) private static var reader = DebuggerPacket.Reader()
  /// The processor that talks, and 1; the others wait while it is not 0.
  nonisolated(unsafe) private static var master: UInt32 = 0
  /// Per processor: where its registers were pushed, while it is stopped.
  nonisolated(unsafe) private static var frames: [UnsafeMutablePointer<trap_frame>?] = []
  /// The processor whose registers GDB looks at.
  nonisolated(unsafe) private static var selected = 0
  /// A detached debugger lets breakpoints of the code alone.
  nonisolated(unsafe) private(set) static var isAttached = false

  static let trapFlag: UInt64 = 1 << 8
  static let resumeFlag: UInt64 = 1 << 16
  /// What of the debug registers stopped the machine.
  nonisolated(unsafe) private static var met: Watchpoints.Slot?

  /// Opens the port that the command line names, and waits if it says so.
  static func start() {
    guard let number = Power.options.debug.debuggerPort else { return }
    frames = Array(repeating: nil, count: CPU.capacity)
    let line = number == 1 ? SerialPort.com1 : SerialPort(base: 0x2f8)
    line.start()
    port = line
    log("kgdb", "a debugger may attach to COM\(number)")
    if number == 2 {
      let handler = IRQ.request(3, "kgdb") { Debugger.receive() }
      if handler == nil { log(.warning, "kgdb", "no interrupt: Ctrl-C will not be heard") }
      line.enableReceiveInterrupt()
    }
    if Power.options.debug.waitsForDebugger { enter() }
  }

  /// A breakpoint in the code: where `echo g`, a panic and `kgdbwait` stop.
  @inline(never)
  static func enter() { if port != nil { breakpoint() } }

  /// The end of a panic: lets a debugger look around first.
  static func panicked() { enter() }

  /// A byte came while the machine runs: Ctrl-C, or the first packet of a debugger that attaches.
  static func receive() -> Bool {
    guard let port else { return false }
    while let byte = port.read() {
      switch reader.take(byte) {
      case .interrupt: breakpoint()
      case .packet(let payload):
        port.write([0x2b])
        pending = payload
        breakpoint()
      case .nothing, .damaged: break
      }
    }
    return true
  }

  /// A packet that came before the machine stopped for it.
  nonisolated(unsafe) private static var pending: [UInt8]?

  /// Called first for each INT3 in the kernel: true when it was one of the debugger's breakpoints.
  ///
  /// The stub, too, runs through functions that have one; there it is lifted until the machine goes on.
  static func meet(_ frame: UnsafeMutablePointer<trap_frame>) -> Bool {
    let address = frame.pointee.rip &- 1
    guard Breakpoints.contains(address) else { return false }
    if percpu_self().pointee.in_debugger == 0 { return take(frame) }
    Breakpoints.lift(address)
    frame.pointee.rip = address
    return true
  }

  /// Called for breakpoints and debug exceptions in the kernel, and by any exception that would be the
  /// end; true when the debugger took it.
  static func take(_ frame: UnsafeMutablePointer<trap_frame>) -> Bool {
    guard port != nil else { return false }
    let me = percpu_index() + 1
    guard atomic_load32(&master) != me else { return false }  // the stub itself went wrong
    percpu_self().pointee.in_debugger += 1
    defer { percpu_self().pointee.in_debugger -= 1 }
    while !atomic_replace32(&master, 0, me) { waitStopped(frame) }
    frames[Int(me) - 1] = frame
    met = Watchpoints.suspend()
    // A processor that has just started is not counted yet, and may be the one that stops the others.
    if CPU.count > 1 || me > 1 {
      LocalAPIC.send(LocalAPIC.Command.nonMaskable | LocalAPIC.Command.toOthers)
      Clock.poll(1_000_000) { allStopped }
    }
    // After INT3 the instruction pointer is behind it.
    if frame.pointee.vector == 3, Breakpoints.contains(frame.pointee.rip - 1) {
      frame.pointee.rip -= 1
    }
    frame.pointee.rflags &= ~trapFlag
    selected = Int(me) - 1
    converse(stoppedBy: frame.pointee.vector)
    // Or the breakpoint in a debug register at this very instruction would stop again before it.
    frame.pointee.rflags |= resumeFlag
    Watchpoints.load()
    frames[Int(me) - 1] = nil
    Breakpoints.putBack()
    atomic_store32(&master, 0)
    return true
  }

  private static var allStopped: Bool {
    for index in 0..<CPU.count where frames[index] == nil { return false }
    return true
  }

  /// A processor stops for good, in a panic: a debugger can still look at its registers.
  static func remember(_ frame: UnsafeMutablePointer<trap_frame>) {
    if !frames.isEmpty { frames[Int(percpu_index())] = frame }
  }

  /// An NMI while another processor talks to the debugger; false when it is about something else.
  static func stop(_ frame: UnsafeMutablePointer<trap_frame>) -> Bool {
    guard port != nil, !Panic.isUnderWay else { return false }
    // When nobody talks any more, this NMI was sent twice.
    percpu_self().pointee.in_debugger += 1
    if atomic_load32(&master) != 0 { waitStopped(frame) }
    percpu_self().pointee.in_debugger -= 1
    return true
  }

  private static func waitStopped(_ frame: UnsafeMutablePointer<trap_frame>) {
    let me = Int(percpu_index())
    while atomic_load32(&master) != 0 {
      frames[me] = frame
      while atomic_load32(&master) != 0 { cpu_pause() }
      frames[me] = nil  // and look again: the next stop may have begun
    }
    Watchpoints.load()
  }
}

// MARK: The conversation

extension Debugger {
  private static func converse(stoppedBy vector: UInt64) {
    var resumes = false
    if let first = pending {
      pending = nil
      isAttached = true
      resumes = answer(first, vector)
    } else if isAttached {
      send(stopReply(vector))
    }
    while !resumes {
      guard let payload = receivePacket() else { continue }
      isAttached = true
      resumes = answer(payload, vector)
    }
  }

  private static func receivePacket() -> [UInt8]? {
    guard let port else { return nil }
    while true {
      guard let byte = port.read() else {
        cpu_pause()
        continue
      }
      switch reader.take(byte) {
      case .packet(let payload):
        port.write([0x2b])
        return payload
      case .damaged: port.write([0x2d])
      case .interrupt, .nothing: break
      }
    }
  }

  private static func send(_ packet: DebuggerPacket) { port?.write(packet.framed) }

  /// Signal numbers as GDB knows them: SIGTRAP, SIGILL, SIGFPE, SIGSEGV.
  private static func stopReply(_ vector: UInt64) -> DebuggerPacket {
    let signal: UInt8 =
      switch vector {
      case 1, 3: 5
      case 0, 16, 19: 8
      case 6: 4
      default: 11
      }
    var packet = DebuggerPacket("T")
    packet.append(hex: signal)
    if let met, met.condition != .execution {
      packet.append(met.condition == .write ? "watch:" : "awatch:")
      packet.append(number: met.address)
      packet.append(";")
    }
    packet.append("thread:")
    packet.append(number: UInt64(selected + 1))
    packet.append(";")
    return packet
  }

  /// Answers one packet; true when the machine goes on.
  private static func answer(_ payload: [UInt8], _ vector: UInt64) -> Bool {
    guard let command = payload.first else {
      send(DebuggerPacket())
      return false
    }
    switch command {
    case 0x3f: send(stopReply(vector))  // ?
    case 0x67: send(readRegisters())  // g
    case 0x47: writeRegisters(payload)  // G
    case 0x6d: readMemory(payload)  // m
    case 0x4d: writeMemory(payload)  // M
    case 0x5a: setBreakpoint(payload, true)  // Z
    case 0x7a: setBreakpoint(payload, false)  // z
    case 0x48: selectThread(payload)  // H
    case 0x54: send(DebuggerPacket(isThread(payload, from: 1) ? "OK" : "E01"))  // T
    case 0x71: query(payload)  // q
    case 0x63: return resume(payload, stepping: false)  // c
    case 0x73: return resume(payload, stepping: true)  // s
    case 0x44, 0x6b:  // D, k
      Breakpoints.removeAll()
      Watchpoints.removeAll()
      isAttached = false
      if command == 0x44 { send(DebuggerPacket("OK")) }
      return resume([], stepping: false)
    default: send(DebuggerPacket())
    }
    return false
  }

  private static func resume(_ payload: [UInt8], stepping: Bool) -> Bool {
    guard let frame = frames[Int(percpu_index())] else { return true }
    var position = 1
    if let address = DebuggerPacket.number(payload, &position) { frame.pointee.rip = address }
    // For `continue` over one of its own breakpoints GDB removes it, steps, and puts it back.
    if stepping { frame.pointee.rflags |= trapFlag }
    return true
  }
}

// MARK: Registers and memory

extension Debugger {
  /// In GDB's order: RAX RBX RCX RDX RSI RDI RBP RSP R8-R15 RIP, then RFLAGS and the segments of 32 bits.
  private static func readRegisters() -> DebuggerPacket {
    var packet = DebuggerPacket()
    guard let f = frames[selected]?.pointee else { return DebuggerPacket("E01") }
    for value in [
      f.rax, f.rbx, f.rcx, f.rdx, f.rsi, f.rdi, f.rbp, f.rsp, f.r8, f.r9, f.r10, f.r11, f.r12,
      f.r13, f.r14, f.r15, f.rip,
    ] { packet.append(register: value) }
    packet.append(register: f.rflags, bytes: 4)
    for value in [f.cs, f.ss, 0, 0, 0, 0] { packet.append(register: value, bytes: 4) }
    return packet
  }

  private static func writeRegisters(_ payload: [UInt8]) {
    guard let frame = frames[selected], let bytes = DebuggerPacket.bytes(payload, from: 1),
      bytes.count >= 17 * 8 + 4
    else { return send(DebuggerPacket("E01")) }
    let v = bytes.withUnsafeBytes { buffer in (0..<17).map { buffer.word64($0 * 8) } }
    var f = frame.pointee
    (f.rax, f.rbx, f.rcx, f.rdx, f.rsi, f.rdi) = (v[0], v[1], v[2], v[3], v[4], v[5])
    (f.rbp, f.rsp, f.r8, f.r9, f.r10, f.r11) = (v[6], v[7], v[8], v[9], v[10], v[11])
    (f.r12, f.r13, f.r14, f.r15, f.rip) = (v[12], v[13], v[14], v[15], v[16])
    frame.pointee = f
    send(DebuggerPacket("OK"))
  }

  /// The address and length of `mADDRESS,LENGTH`; `position` ends behind them.
  private static func range(_ payload: [UInt8], _ position: inout Int) -> (UInt64, Int)? {
    guard let address = DebuggerPacket.number(payload, &position), position < payload.count,
      payload[position] == 0x2c
    else { return nil }
    position += 1
    guard let length = DebuggerPacket.number(payload, &position), length <= 500 else { return nil }
    return (address, Int(length))
  }

  /// Where the kernel can read this byte, whosever page it is in; nil when nothing is mapped there.
  private static func pointer(_ address: UInt64) -> UnsafeMutablePointer<UInt8>? {
    guard address < 1 << 47 else { return nil }
    let tables = Scheduler.running?.process?.space.tables ?? KernelSpace.tables
    guard let physical = tables.translate(LinearAddress(address)) else { return nil }
    let direct = physical.value &+ Layout.directMap
    guard KernelSpace.isMapped(LinearAddress(direct)) else { return nil }
    return physical.pointer.assumingMemoryBound(to: UInt8.self)
  }

  private static func readMemory(_ payload: [UInt8]) {
    var position = 1
    var packet = DebuggerPacket()
    guard let (address, length) = range(payload, &position) else {
      return send(DebuggerPacket("E01"))
    }
    for offset in 0..<UInt64(length) {
      guard let byte = pointer(address &+ offset)?.pointee else { break }
      packet.append(hex: byte)
    }
    send(packet.payload.isEmpty && length > 0 ? DebuggerPacket("E14") : packet)
  }

  private static func writeMemory(_ payload: [UInt8]) {
    var position = 1
    guard let (address, length) = range(payload, &position), position < payload.count,
      let bytes = DebuggerPacket.bytes(payload, from: position + 1), bytes.count == length
    else { return send(DebuggerPacket("E01")) }
    for (offset, byte) in bytes.enumerated() {
      guard pointer(address &+ UInt64(offset)) != nil else { return send(DebuggerPacket("E14")) }
      Patch.write(byte, at: address &+ UInt64(offset))
    }
    send(DebuggerPacket("OK"))
  }

  /// `Z0,ADDRESS,KIND`: breakpoints in the code; the others are the processor's.
  private static func setBreakpoint(_ payload: [UInt8], _ isSet: Bool) {
    guard payload.count > 3 else { return send(DebuggerPacket("E01")) }
    guard payload[1] == 0x30 else { return setWatchpoint(payload, isSet) }
    var position = 3
    guard let address = DebuggerPacket.number(payload, &position), let byte = pointer(address)
    else {
      return send(DebuggerPacket("E14"))
    }
    if !isSet { Breakpoints.remove(address) }
    let isDone = !isSet || !isOwn(address) && Breakpoints.add(address, original: byte.pointee)
    send(DebuggerPacket(isDone ? "OK" : "E01"))
  }
}

extension Debugger {
  /// `Z1` is a breakpoint without a change of code, `Z2` watches for writes, `Z4` for reads, too.
  private static func setWatchpoint(_ payload: [UInt8], _ isSet: Bool) {
    let condition: Watchpoints.Condition
    switch payload[1] {
    case 0x31: condition = .execution
    case 0x32: condition = .write
    case 0x34: condition = .access
    default: return send(DebuggerPacket())
    }
    var position = 3
    // Of a program's addresses only the program's own processor would know whose they are.
    guard let (address, length) = range(payload, &position), address >= Layout.userSpace.upperBound
    else { return send(DebuggerPacket("E01")) }
    let slot = Watchpoints.Slot(
      address: address, condition: condition,
      length: condition == .execution ? 1 : UInt64(length))
    if !isSet { Watchpoints.remove(slot) }
    send(DebuggerPacket(!isSet || Watchpoints.add(slot) ? "OK" : "E01"))
  }
}

// MARK: Threads and questions

extension Debugger {
  /// True for what runs before a breakpoint is known to be one, and what lifts it: it would never end.
  private static func isOwn(_ address: UInt64) -> Bool {
    let name = Symbols.name(at: address).withBytes { Array($0) }
    for word in ["interrupt_dispatch", "isr_", "Debugger.", "Breakpoints."] as [StaticString]
    where name.starts(with: word) { return true }
    return false
  }

  private static func isThread(_ payload: [UInt8], from start: Int) -> Bool {
    var position = start
    guard let number = DebuggerPacket.number(payload, &position) else { return false }
    return number >= 1 && number <= UInt64(CPU.count)
  }

  /// `Hg2`: the next questions are about thread 2; 0 and -1 mean any.
  private static func selectThread(_ payload: [UInt8]) {
    var position = 2
    if isThread(payload, from: 2), payload[1] == 0x67,
      let number = DebuggerPacket.number(payload, &position)
    {
      selected = Int(number) - 1
    } else if payload.count > 1, payload[1] == 0x67 {
      selected = Int(percpu_index())
    }
    send(DebuggerPacket("OK"))
  }

  private static func query(_ payload: [UInt8]) {
    if payload.starts(with: "qSupported") {
      send(DebuggerPacket("PacketSize=400;swbreak-"))
    } else if payload.equals("qfThreadInfo") {
      var packet = DebuggerPacket("m")
      for index in 1...CPU.count {
        if index > 1 { packet.append(",") }
        packet.append(number: UInt64(index))
      }
      send(packet)
    } else if payload.equals("qsThreadInfo") {
      send(DebuggerPacket("l"))
    } else if payload.equals("qC") {
      var packet = DebuggerPacket("QC")
      packet.append(number: UInt64(percpu_index() + 1))
      send(packet)
    } else if payload.starts(with: "qThreadExtraInfo,") {
      describeThread(payload)
    } else if payload.equals("qOffsets") {
      describeSlide()
    } else if payload.equals("qAttached") {
      send(DebuggerPacket("1"))
    } else {
      send(DebuggerPacket())
    }
  }

  /// How far `kaslr` has moved the image from where it was linked.
  private static func describeSlide() {
    var packet = DebuggerPacket()
    for section in ["Text=", ";Data=", ";Bss="] as [StaticString] {
      packet.append(section)
      packet.append(number: Layout.image - Layout.window)
    }
    send(packet)
  }

  /// What `info threads` shows: the processor, and where it is.
  private static func describeThread(_ payload: [UInt8]) {
    var position = 17
    guard isThread(payload, from: 17), let number = DebuggerPacket.number(payload, &position) else {
      return send(DebuggerPacket("E01"))
    }
    var packet = DebuggerPacket()
    let index = Int(number) - 1
    let line: TextLine =
      frames[index].map { "processor \(index): \(Symbols.describe($0.pointee.rip))" }
      ?? "processor \(index)"
    line.withBytes { for byte in $0 { packet.append(hex: byte) } }
    send(packet)
  }
}

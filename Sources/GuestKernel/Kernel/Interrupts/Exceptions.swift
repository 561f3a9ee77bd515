/// What to do about an exception: repair it, end the program, or stop the kernel.
/// SDM Vol. 3A, "Exception and Interrupt Reference".
import KernelArch

enum Exceptions {
  @inline(never)
  static func deliver(_ frame: UnsafeMutablePointer<trap_frame>, fromUser: Bool) {
    let vector = frame.pointee.vector
    let address = read_cr2()
    let isPageFault = vector == UInt64(InterruptVector.pageFault)
    var isOutOfMemory = false
    if isPageFault, fromUser || fixup(for: frame.pointee.rip) != nil {
      // Contents may have to be waited for. Who returns to what was interrupted has interrupts off again.
      let interruptsOn: UInt64 = 0x200
      if frame.pointee.rflags & interruptsOn != 0 { cpu_sti() }
      switch PageFaults.resolve(frame, address) {
      case .resolved: return
      case .outOfMemory: isOutOfMemory = true
      case .failed: break
      }
    }
    if !fromUser, frame.pointee.rip == address_of_iret_instruction() { endWhoCannotReturn(frame) }
    if fromUser, let process = Scheduler.running?.process {
      if isOutOfMemory {
        report(process, frame, address, isOutOfMemory: true)
        Processes.end(process, .signaled(.kill, dumped: false))
      } else if !Signals.raise(
        vector, isPageFault ? address : frame.pointee.rip, frame.pointee.error)
      {
        report(process, frame, address, isOutOfMemory: false)
      }
      return
    }
    if isPageFault, let fixup = fixup(for: frame.pointee.rip) {
      frame.pointee.rip = fixup
      return
    }
    giveUp(frame, address)
  }

  private struct Failure {
    let frame: UnsafeMutablePointer<trap_frame>
    let address: UInt64
  }

  /// Ends the thread or the kernel.
  ///
  /// There is much to say, and the thread's stack may be nearly full: it is said on another one. An
  /// exception with a stack of its own has that already.
  private static func giveUp(_ frame: UnsafeMutablePointer<trap_frame>, _ address: UInt64) {
    cpu_cli()
    var failure = Failure(frame: frame, address: address)
    withUnsafeMutablePointer(to: &failure) {
      let argument = UInt64(UInt(bitPattern: $0))
      if [2, 8, 18].contains(frame.pointee.vector) {
        report(argument)
      } else {
        InterruptStack.run({ Exceptions.report($0) }, argument)
      }
    }
  }

  private static func report(_ argument: UInt64) {
    let failure = pointer_to(argument).load(as: Failure.self)
    let frame = failure.frame
    let survives = Oops.survive(frame, describe(frame.pointee, failure.address)) {
      printRegisters(frame.pointee, failure.address)
    }
    if !survives { stop(frame, failure.address) }
  }

  /// A program has set TF and entered by SYSENTER, which does not clear it: goes on without it.
  static func isStepIntoSysenter(_ frame: UnsafeMutablePointer<trap_frame>) -> Bool {
    let rip = frame.pointee.rip
    guard rip >= address_of_sysenter_entry(), rip < address_of_sysenter_entry_end() else {
      return false
    }
    let trap: UInt64 = 1 << 8
    frame.pointee.rflags &= ~trap
    return true
  }

  /// The return to ring 3 has failed: the program has made its own segments unusable.
  private static func endWhoCannotReturn(_ frame: UnsafeMutablePointer<trap_frame>) {
    guard let process = Scheduler.running?.process else { return }
    report(process, frame, 0, isOutOfMemory: false)
    Processes.end(process, .signaled(.segmentation, dumped: true))
    SignalDelivery.attend(frame)
  }

  static func name(_ vector: UInt64) -> StaticString {
    switch vector {
    case 0: "divide error"
    case 1: "debug exception"
    case 2: "non-maskable interrupt"
    case 3: "breakpoint"
    case 4: "overflow"
    case 5: "bound range exceeded"
    case 6: "invalid opcode"
    case 7: "device not available"
    case 8: "double fault"
    case 10: "invalid TSS"
    case 11: "segment not present"
    case 12: "stack fault"
    case 13: "general protection fault"
    case 14: "page fault"
    case 16: "x87 floating-point error"
    case 17: "alignment check"
    case 18: "machine check"
    case 19: "SIMD floating-point exception"
    case 21: "control protection exception"
    default: "unexpected interrupt"
    }
  }

  /// A fault inside `user_copy` continues at its fixup.
  private static func fixup(for instruction: UInt64) -> UInt64? {
    var entry = address_of_fixups_start()
    while entry < address_of_fixups_end() {
      if entry.pointee.fault == instruction { return entry.pointee.fixup }
      entry += 1
    }
    return nil
  }
}

// MARK: Words

extension Exceptions {
  /// One line that says which program did what, and where.
  private static func report(
    _ process: Process, _ frame: UnsafeMutablePointer<trap_frame>, _ address: UInt64,
    isOutOfMemory: Bool
  ) {
    let vector = frame.pointee.vector
    var line: TextLine = "\(text: process.name)[\(process.pid)] killed: \(name(vector))"
    if isOutOfMemory {
      line = "\(text: process.name)[\(process.pid)] killed: out of memory"
    } else if vector == UInt64(InterruptVector.pageFault) {
      line.append(line: " \(describeAccess(frame.pointee.error, address))")
    } else if frame.pointee.error != 0 {
      line.append(line: " (\(describeSelector(frame.pointee.error)))")
    } else if vector == 13 {
      line.append(" (a privileged instruction or a forbidden operand)")
    }
    line.append(line: " at rip \(hex: frame.pointee.rip)")
    Console.write(line)
    Console.write("\n")
    log(.debug, "fault", line)
  }

  /// A page fault's error code in words: what was tried, on what, and why it failed.
  static func describeAccess(_ code: UInt64, _ address: UInt64) -> TextLine {
    let isPresent = code & 1 != 0
    let verb: StaticString =
      code >> 4 & 1 != 0 ? "jumping to" : code >> 1 & 1 != 0 ? "writing to" : "reading from"
    var line: TextLine = "\(verb) \(hex: address)"
    if code >> 3 & 1 != 0 {
      line.append(", reserved bits set in a page table")
    } else if Scheduler.running?.process?.space.isBelowStack(address) ?? false {
      line.append(", below the stack: stack overflow")
    } else if address < pageSize {
      line.append(", a null pointer")
    } else if address >= Layout.userSpace.upperBound {
      line.append(", which belongs to the kernel")
    } else if !isPresent {
      line.append(", where nothing is mapped")
    } else if code >> 4 & 1 != 0 {
      line.append(", which is not code")
    } else {
      line.append(", which is read-only")
    }
    return line
  }

  private static func describeSelector(_ code: UInt64) -> TextLine {
    let table: StaticString = code >> 1 & 1 != 0 ? "IDT" : code >> 2 & 1 != 0 ? "LDT" : "GDT"
    return "\(table) entry \(code >> 3)"
  }
}

// MARK: The kernel's own exceptions

extension Exceptions {
  private static func stop(_ frame: UnsafeMutablePointer<trap_frame>, _ address: UInt64) -> Never {
    let f = frame.pointee
    if f.vector == UInt64(InterruptVector.doubleFault), KernelStacks.isGuard(f.rsp, address) {
      Panic.begin("kernel stack overflow: a push at \(hex: f.rsp) hit the guard page")
    } else {
      Panic.begin(describe(f, address))
    }
    printRegisters(f, address)
    Panic.backtrace(from: f.rip, frame: f.rbp)
    Panic.end()
  }

  /// What happened in the kernel, in words.
  private static func describe(_ f: trap_frame, _ address: UInt64) -> TextLine {
    if f.vector == UInt64(InterruptVector.pageFault) {
      return "page fault in the kernel \(describeKernelAccess(f.error, address))"
    }
    if f.vector == 6 { return "invalid opcode in the kernel: a Swift runtime check failed" }
    return "\(name(f.vector)) in the kernel, error code \(hex: f.error)"
  }

  private static func describeKernelAccess(_ code: UInt64, _ address: UInt64) -> TextLine {
    let verb: StaticString =
      code >> 4 & 1 != 0 ? "executing" : code >> 1 & 1 != 0 ? "writing" : "reading"
    let reason: StaticString =
      Layout.userSpace.contains(address)
      ? "user memory"
      : VirtualMemory.isGuard(address)
        ? "the guard page behind a vmalloc area" : code & 1 == 0 ? "not mapped" : "protected"
    return "\(verb) \(hex: address), \(reason)"
  }

  private static func printRegisters(_ f: trap_frame, _ address: UInt64) {
    printRow("rip", f.rip, "rsp", f.rsp, "rbp", f.rbp)
    printRow("rax", f.rax, "rbx", f.rbx, "rcx", f.rcx)
    printRow("rdx", f.rdx, "rsi", f.rsi, "rdi", f.rdi)
    printRow("r8 ", f.r8, "r9 ", f.r9, "r10", f.r10)
    printRow("r11", f.r11, "r12", f.r12, "r13", f.r13)
    printRow("r14", f.r14, "r15", f.r15, "cr2", address)
    printRow("cr3", read_cr3(), "cr4", read_cr4(), "flg", f.rflags)
  }

  private static func printRow(
    _ a: StaticString, _ x: UInt64, _ b: StaticString, _ y: UInt64, _ c: StaticString, _ z: UInt64
  ) {
    Console.write(
      "  \(a) \(hex: x, digits: 16)  \(b) \(hex: y, digits: 16)  \(c) \(hex: z, digits: 16)\n")
  }
}

/// What to do about an exception: repair it, end the program, or stop the kernel.
/// SDM Vol. 3A, "Exception and Interrupt Reference".
import KernelArch

enum Exceptions {
  @inline(never)
  static func deliver(_ frame: UnsafeMutablePointer<trap_frame>, fromUser: Bool) {
    let vector = frame.pointee.vector
    let address = read_cr2()
    let isPageFault = vector == UInt64(InterruptVector.pageFault)
    if isPageFault, fromUser || fixup(for: frame.pointee.rip) != nil,
      PageFaults.resolve(frame, address)
    {
      return
    }
    if fromUser, let process = Scheduler.running?.process {
      if !Signals.raise(vector, isPageFault ? address : frame.pointee.rip, frame.pointee.error) {
        report(process, frame, address)
      }
      return
    }
    if isPageFault, let fixup = fixup(for: frame.pointee.rip) {
      frame.pointee.rip = fixup
      return
    }
    stop(frame, address)
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
    _ process: Process, _ frame: UnsafeMutablePointer<trap_frame>, _ address: UInt64
  ) {
    let vector = frame.pointee.vector
    var line: TextLine = "\(text: process.name)[\(process.pid)] killed: \(name(vector))"
    if vector == UInt64(InterruptVector.pageFault) {
      line.append(line: " \(describeAccess(frame.pointee.error, address))")
    } else if frame.pointee.error != 0 {
      line.append(line: " (\(describeSelector(frame.pointee.error)))")
    } else if vector == 13 {
      line.append(" (a privileged instruction or a forbidden operand)")
    }
    line.append(line: " at rip \(hex: frame.pointee.rip)")
    Console.write(line)
    Console.write("\n")
    let consoleState = KernelLog.isOnConsole
    KernelLog.isOnConsole = false
    log("fault", line)
    KernelLog.isOnConsole = consoleState
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
    } else if f.vector == UInt64(InterruptVector.pageFault) {
      Panic.begin("page fault in the kernel \(describeKernelAccess(f.error, address))")
    } else if f.vector == 6 {
      Panic.begin("invalid opcode in the kernel: a Swift runtime check failed")
    } else {
      Panic.begin("\(name(f.vector)) in the kernel, error code \(hex: f.error)")
    }
    printRegisters(f, address)
    Panic.backtrace(from: f.rip, frame: f.rbp)
    Panic.end()
  }

  private static func describeKernelAccess(_ code: UInt64, _ address: UInt64) -> TextLine {
    let verb: StaticString =
      code >> 4 & 1 != 0 ? "executing" : code >> 1 & 1 != 0 ? "writing" : "reading"
    let reason: StaticString =
      Layout.userSpace.contains(address)
      ? "user memory" : code & 1 == 0 ? "not mapped" : "protected"
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

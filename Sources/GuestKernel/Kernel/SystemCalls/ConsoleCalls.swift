/// The kernel's log, and power.
import KernelArch

extension SystemCalls {
  static func readLog(_ position: UInt64, _ address: UInt64, _ count: UInt64) -> Answer {
    guard let position = Int(exactly: position) else { return fail(.invalidArgument) }
    let slice = KernelLog.read(from: position, limit: Int(min(count, pageSize)))
    guard UserMemory.write(slice.bytes, to: address) else { return fail(.badAddress) }
    return .success(UInt64(slice.bytes.count) << 48 | UInt64(slice.next))
  }

  @inline(never)  // a backtrace names it
  static func power(_ action: UInt64) -> Answer {
    guard Permission.isSuperuser else { return fail(.notPermitted) }
    guard let action = PowerAction(rawValue: action) else { return fail(.invalidArgument) }
    switch action {
    case .off: Power.off()
    case .reboot: Power.reboot()
    case .panic: panic("asked for by a program")
    // With interrupts off no fault is only its thread's.
    case .overflowStack: return .success(Interrupts.off { Mishaps.recurse(1) })
    case .nullPointer: return .success(Interrupts.off { Mishaps.read(8) })
    case .readUser: return .success(Interrupts.off { Mishaps.read(Layout.userStackTop - 8) })
    case .runUser: return .success(Interrupts.off { Mishaps.run(0x40_0000) })
    }
  }
}

/// What goes wrong on request, to show how the kernel reports it.
enum Mishaps {
  @inline(never)
  static func recurse(_ depth: UInt64) -> UInt64 {
    var line = TextLine()
    line.append(decimal: depth)
    return depth == 0 ? 0 : recurse(depth + 1) + UInt64(line.count)
  }

  @inline(never)
  static func read(_ address: UInt64) -> UInt64 { UInt64(mmio_read32(address)) }

  @inline(never)
  static func run(_ address: UInt64) -> UInt64 {
    call_address(address)
    return 0
  }
}

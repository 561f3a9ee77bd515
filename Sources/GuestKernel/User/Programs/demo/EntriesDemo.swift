/// Three ways into the kernel: SYSCALL, INT 80h and, from 32-bit code, SYSENTER. The numbers are the same.
import Apus
import UserSystem

enum EntriesDemo {
  private static let getpid: UInt64 = 39

  static func run() -> Bool {
    let own = UInt64(UInt32(bitPattern: Process.id))
    Demo.say("getpid is call 39 by every way in.")
    var passed = Demo.check(
      system_call(getpid, 0, 0, 0, 0) == Int64(own), "SYSCALL from 64-bit code")
    passed =
      Demo.check(
        call_by_interrupt(getpid, 0, 0, 0) == Int64(own), "INT 80h from 64-bit code") && passed
    guard Compatibility.prepare(segment: 0, limit: 0) else {
      return Demo.check(false, "a local descriptor table for 32-bit code")
    }
    passed =
      Demo.check(
        Compatibility.call(address_of_compat_interrupt(), UInt32(getpid)) == own,
        "INT 80h from 32-bit code") && passed
    return sysenter(own) && passed
  }

  /// In a child: some processors do not have it in this mode.
  private static func sysenter(_ own: UInt64) -> Bool {
    let plain = outcome(address_of_compat_sysenter())
    if plain == .illegal {
      Demo.say("SYSENTER: invalid opcode. This processor is like AMD's: not in long mode.")
      return Demo.check(true, "and it ended only the child that tried")
    }
    let isRight = Demo.check(plain == .right, "SYSENTER from 32-bit code")
    let stepped = outcome(address_of_compat_step())
    return Demo.check(
      stepped == .right, "SYSENTER with the trap flag set, which it leaves on in the kernel")
      && isRight
  }

  private enum Answer {
    case right
    case illegal
    case wrong
  }

  private static func outcome(_ code: UInt64) -> Answer {
    let pid = Child.start {
      let own = UInt64(UInt32(bitPattern: Process.id))
      return Compatibility.call(code, UInt32(getpid)) == own ? 7 : 8
    }
    let word = Child.wait(pid) ?? 0
    return word & 0x7f == 4 ? .illegal : word == 7 << 8 ? .right : .wrong
  }
}

/// What 32-bit code needs: a stack below 4 GiB, and segments.
enum Compatibility {
  private static let stack: UInt64 = 0x1000_0000
  private static let stackSize: UInt64 = 0x4000

  /// Makes entry 0 of the local table a data segment; false when something is missing.
  static func prepare(segment base: UInt32, limit: UInt32) -> Bool {
    guard makeStack() else { return false }
    let usable: UInt32 = 0x01  // 32 bits, data, writable, limit in bytes
    var record: (UInt32, UInt32, UInt32, UInt32) = (0, base, limit, usable)
    let outcome = withUnsafeBytes(of: &record) { Call.modify_ldt(1, $0.baseAddress, 16) }
    return outcome.isSuccess
  }

  private static func makeStack() -> Bool {
    let flags: MapFlags = [.private, .anonymous, .fixed]
    guard let at = try? Memory.map(at: stack, size: stackSize, [.read, .write], flags) else {
      return false
    }
    return at == stack
  }

  static func call(_ code: UInt64, _ argument: UInt32) -> UInt64 {
    compat_call(code, stack + stackSize, argument)
  }
}

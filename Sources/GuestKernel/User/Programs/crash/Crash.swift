/// crash KIND: misbehaves on purpose; the kernel ends this program and nothing else.
import Apus
import UserSystem

private let kernelAddress: UInt64 = 0x7fff_8010_0000

@main
struct Crash: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    Usage.describe(
      "crash privileged|kernel|loop|stack|null|divide|ud|port|write-text|jump|pointer",
      "misbehaves; the kernel ends this program and nothing else")
    let kind = Options(arguments, known: "", operands: 1...1).operands[0]
    if kind.equals("privileged") {
      do_halt()
    } else if kind.equals("kernel") {
      do_write(kernelAddress)
    } else if kind.equals("loop") {
      while true { _ = do_read(address_of_code()) }
    } else if kind.equals("stack") {
      _ = recurse(1)
    } else if kind.equals("null") {
      _ = do_read(0)
    } else if kind.equals("divide") {
      do_divide_by_zero()
    } else if kind.equals("ud") {
      do_undefined()
    } else if kind.equals("port") {
      do_port()
    } else if kind.equals("write-text") {
      do_write(address_of_code())
    } else if kind.equals("jump") {
      do_jump(0x7000_0000)
    } else if kind.equals("pointer") {
      return passBadPointers()
    } else {
      Usage.refuse("\(text: kind): there is no such kind")
    }
    say("crash: still alive, which should not be\n")
    return 2
  }
}

@inline(never)
private func recurse(_ depth: UInt64) -> UInt64 {
  var line = TextLine()
  line.append(decimal: depth)
  return depth == 0 ? 0 : recurse(depth + 1) + UInt64(line.count)
}

/// Bad pointers in system calls are an error for the caller, not a fault.
private func passBadPointers() -> Int32 {
  for address in [0, 0x7000_0000, kernelAddress, 0x3fff_ffff_fff0, UInt64.max - 8] as [UInt64] {
    switch System.write(at: address, count: 100) {
    case .success: say("write from \(hex: address): accepted, which should not be\n")
    case .failure(let error): say("write from \(hex: address): \(error.name)\n")
    }
  }
  return 0
}

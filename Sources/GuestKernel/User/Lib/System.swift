/// The system calls, as Swift functions.
import UserSystem

/// A result, or the error a system call reported.
package enum Outcome {
  case success(UInt64)
  case failure(SystemError)

  package init(_ raw: Int64) {
    self =
      raw < 0
      ? .failure(SystemError(rawValue: raw) ?? .invalidArgument)
      : .success(UInt64(bitPattern: raw))
  }
}

private func call(
  _ number: SystemCall, _ a: UInt64 = 0, _ b: UInt64 = 0, _ c: UInt64 = 0, _ d: UInt64 = 0
) -> Outcome {
  Outcome(system_call(number.rawValue, a, b, c, d))
}

private func address(_ pointer: UnsafeRawPointer?) -> UInt64 { UInt64(UInt(bitPattern: pointer)) }

package enum System {
  /// Ends the process; what is still buffered goes out, and if it cannot, a success is none.
  package static func exit(_ code: Int32) -> Never {
    let isLost = Output.takeFailure() != nil
    exitNow(isLost && code == 0 ? 1 : code)
  }

  /// Ends it without a look at the buffers.
  package static func exitNow(_ code: Int32) -> Never {
    _ = call(.exit_group, UInt64(UInt32(bitPattern: code)))
    while true { do_undefined() }
  }

  package static func write(_ bytes: UnsafeRawBufferPointer) -> Outcome {
    call(.write, 1, address(bytes.baseAddress), UInt64(bytes.count))
  }

  /// Asks for a write of memory that may not exist, to see what the kernel says.
  package static func write(at address: UInt64, count: UInt64) -> Outcome {
    call(.write, 1, address, count)
  }

  /// Waits for console input.
  package static func read() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
      let outcome = call(.read, 0, address(buffer.baseAddress), 64)
      if case .success(let got) = outcome { count = Int(got) }
    }
  }

  package static var processID: Int {
    if case .success(let pid) = call(.getpid) { return Int(pid) }
    return 0
  }

  package static func yield() { _ = call(.sched_yield) }
  package static func kill(_ pid: UInt64) -> Outcome { call(.kill, pid, 9) }
  package static func power(_ action: PowerAction) { _ = call(.power, action.rawValue) }
  /// Runs a demonstration inside the kernel; whether it passed.
  package static func demo(_ name: [UInt8]) -> Outcome {
    name.withUnsafeBytes { call(.demo, address($0.baseAddress), UInt64($0.count)) }
  }
  /// Bytes as they are typed, without echo: the caller edits lines itself.
  package static func makeTerminalRaw() {
    var settings = TerminalSettings.raw
    withUnsafeMutableBytes(of: &settings) {
      _ = Call.ioctl(0, DeviceRequest.setTerminal, address($0.baseAddress))
    }
  }
}

// MARK: Records

extension System {
  package static func processes() -> [ProcessRecord] {
    let capacity = 128
    return [ProcessRecord](unsafeUninitializedCapacity: capacity) { buffer, count in
      let outcome = call(.processes, address(buffer.baseAddress), UInt64(capacity))
      if case .success(let total) = outcome { count = min(Int(total), capacity) }
    }
  }

  package static func memory() -> MemoryRecord {
    var record = MemoryRecord()
    withUnsafeMutableBytes(of: &record) { _ = call(.memory, address($0.baseAddress)) }
    return record
  }

  /// The next part of the kernel's log, and the position after it.
  package static func readLog(from position: Int) -> (bytes: [UInt8], next: Int) {
    var next = position
    let bytes = [UInt8](unsafeUninitializedCapacity: 512) { buffer, count in
      let outcome = call(.read_log, UInt64(position), address(buffer.baseAddress), 512)
      if case .success(let packed) = outcome {
        count = Int(packed >> 48)
        next = Int(packed & 0xffff_ffff_ffff)
      }
    }
    return (bytes, next)
  }
}

/// The kernel's log: every line with the time since boot, kept for `dmesg`.
///
/// Lock: interrupts off.
import KernelArch

enum KernelLog {
  nonisolated(unsafe) private static var buffer = LogBuffer(capacity: 0)
  /// False after the boot, and with the option `quiet`: then lines go to the buffer only.
  nonisolated(unsafe) static var isOnConsole = true

  static func start() { buffer = LogBuffer(capacity: 16384) }

  static func append(_ tag: StaticString, _ text: TextLine) {
    let nanoseconds = Clock.nanoseconds
    var line = TextLine()
    line.append("[")
    line.append(decimal: nanoseconds / 1_000_000_000, width: 3)
    line.append(".")
    line.append(decimal: nanoseconds / 1000 % 1_000_000, width: 6, fill: 0x30)
    line.append("] ")
    line.append(tag)
    line.pad(to: 21)
    line.append(line: text)
    withInterruptsOff {
      buffer.append(line)
      guard isOnConsole else { return }
      Console.write(line)
      Console.write("\n")
    }
  }

  /// Copies from `position` on; returns the bytes and the position after them.
  static func read(from position: Int, limit: Int) -> (bytes: [UInt8], next: Int) {
    withInterruptsOff {
      var at = max(position, buffer.start)
      var bytes: [UInt8] = []
      while bytes.count < limit, let byte = buffer.byte(at: at) {
        bytes.append(byte)
        at += 1
      }
      return (bytes, at)
    }
  }
}

/// Logs one line under the name of the part of the kernel that speaks.
func log(_ tag: StaticString, _ text: TextLine) { KernelLog.append(tag, text) }

/// Logs a line for code that has only C's types: modules in assembly.
@c(kernel_log)
public func kernelLog(_ text: UnsafePointer<CChar>) {
  let bytes = UnsafeRawBufferPointer(start: text, count: min(strlen(text), TextLine.capacity))
  log("module", "\(text: Array(bytes))")
}

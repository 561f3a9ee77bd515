/// What crosses the boundary between programs and the kernel besides the calls themselves, which are in
/// `SystemCalls.tbl`: number in RAX, arguments in RDI, RSI, RDX, R10, R8 and R9, result in RAX.
///
/// A negative result is one of `SystemError`. RCX and R11 are lost, as SYSCALL has it.

package enum PowerAction: UInt64 {
  case off = 0
  case reboot = 1
  case panic = 2
  case overflowStack = 3
  case nullPointer = 4
  /// The kernel reads the program's memory without lifting SMAP.
  case readUser = 5
  /// The kernel calls the program's code.
  case runUser = 6
}

/// A name of at most 23 bytes that needs no memory of its own: in records that cross the system call boundary,
/// and where nothing may be allocated.
package typealias RecordName = InlineArray<24, UInt8>

/// One line of `ps`.
package struct ProcessRecord: BitwiseCopyable {
  package enum State: UInt32 {
    case ready = 0
    case running = 1
    case waiting = 2
    case sleeping = 3
    case ended = 4
  }
  package var pid: UInt32 = 0
  package var parent: UInt32 = 0
  package var state: UInt32 = 0
  /// 1 for a process in ring 3, 0 for a kernel thread.
  package var isUser: UInt32 = 0
  /// Timer ticks during which it ran.
  package var ticks: UInt64 = 0
  /// Times the timer took the processor away from it.
  package var preemptions: UInt64 = 0
  package var systemCalls: UInt64 = 0
  package var memory: UInt64 = 0
  package var name = RecordName(repeating: 0)
  package init() {}
}

/// What `mem` shows, in bytes.
package struct MemoryRecord: BitwiseCopyable {
  package var usable: UInt64 = 0
  package var free: UInt64 = 0
  package var kernelImage: UInt64 = 0
  package var heapTotal: UInt64 = 0
  package var heapInUse: UInt64 = 0
  package var heapBlocks: UInt64 = 0
  package var pageTables: UInt64 = 0
  package var kernelStacks: UInt64 = 0
  package var processes: UInt64 = 0
  package init() {}
}

extension RecordName {
  /// Makes a name of the first 23 bytes of `bytes`.
  package init(bytes: [UInt8]) {
    self.init(repeating: 0)
    for index in 0..<Swift.min(bytes.count, 23) { self[index] = bytes[index] }
  }

  /// The bytes before the first NUL.
  package var bytes: [UInt8] {
    var result: [UInt8] = []
    for index in indices {
      if self[index] == 0 { break }
      result.append(self[index])
    }
    return result
  }

  package func equals(_ text: StaticString) -> Bool { bytes.equals(text) }
}

extension TextLine.Interpolation {
  package mutating func appendInterpolation(text name: RecordName) {
    var line = TextLine()
    for index in name.indices where name[index] != 0 { line.append(byte: name[index]) }
    appendInterpolation(line)
  }
}

/// The end: what the kernel prints when it cannot go on.
import KernelArch

enum Panic {
  /// The number of the processor that panicked first, and 1; or 0.
  nonisolated(unsafe) private static var panicking: UInt32 = 0

  /// Locks are no longer waited for: their holders may never come back.
  static var isUnderWay: Bool { atomic_load32(&panicking) != 0 }

  /// Puts the headline on the console; a panic inside a panic ends at once.
  static func begin(_ reason: TextLine) {
    cpu_cli()
    if !atomic_replace32(&panicking, 0, percpu_index() + 1) {
      if panicking != percpu_index() + 1 { halt() }
      end()
    }
    CPU.stopOthers()
    KernelLog.isOnConsole = true
    Console.write("\n")
    log("PANIC", reason)
    if let thread = Scheduler.running {
      log("PANIC", "in thread \(thread.id) \(text: thread.name)")
    }
  }

  /// Walks the chain of frame pointers; each link is looked up in the page tables before it is read.
  static func backtrace(from instruction: UInt64, frame: UInt64) {
    Console.write("Backtrace, innermost call first:\n")
    let longest = 32
    var lines = 0
    var repeats = 0
    var last = instruction
    var frame = frame
    printFrame(lines, instruction)
    while lines < longest, let link = readLink(frame) {
      if link.returnAddress == last {
        repeats += 1
      } else {
        printRepeats(repeats)
        repeats = 0
        lines += 1
        printFrame(lines, link.returnAddress)
        last = link.returnAddress
      }
      // Stacks grow down: a caller's frame is always above, so a damaged chain cannot loop.
      guard link.frame > frame else { break }
      frame = link.frame
    }
    printRepeats(repeats)
  }

  private static func readLink(_ frame: UInt64) -> (frame: UInt64, returnAddress: UInt64)? {
    guard frame & 7 == 0, isReadable(frame), isReadable(frame &+ 8) else { return nil }
    let words = UnsafePointer<UInt64>(OpaquePointer(pointer_to(frame)))
    guard Symbols.isCode(words[1]) else { return nil }
    return (words[0], words[1])
  }

  private static func printRepeats(_ count: Int) {
    if count > 0 { Console.write("       ... and \(count) more calls from the same place\n") }
  }

  static func end() -> Never {
    if Power.options.usesDebugExit { Power.debugExit(0x01) }
    if Power.options.rebootsAfterPanic { Power.reboot() }
    Console.write("The kernel has stopped.\n")
    halt()
  }

  static func halt() -> Never {
    while true {
      cpu_cli()
      cpu_hlt()
    }
  }

  private static func isReadable(_ address: UInt64) -> Bool {
    address >= Layout.directMap && KernelSpace.isMapped(LinearAddress(address))
  }

  private static func printFrame(_ number: Int, _ address: UInt64) {
    Console.write(
      "  #\(number, width: 2)  \(hex: address, digits: 16)  \(Symbols.describe(address))\n")
  }
}

/// Stops the kernel with a reason and the way that led there.
func panic(_ reason: TextLine) -> Never {
  Panic.begin(reason)
  let frame = UnsafePointer<UInt64>(OpaquePointer(pointer_to(read_rbp())))
  Panic.backtrace(from: frame[1], frame: frame[0])
  Panic.end()
}

/// The way that led to a place: the chain of frame pointers, through interrupts and exceptions back to
/// the program or the thread's beginning.
///
/// Each link is looked up in the page tables before it is read, so a damaged chain ends the walk only.
import KernelArch

enum Backtrace {
  private static let longest = 32

  /// Hands each line to `print`, innermost call first.
  static func walk(from instruction: UInt64, frame: UInt64, _ print: (TextLine) -> Void) {
    var (last, frame) = (instruction, frame)
    var (lines, repeats) = (0, 0)
    print(line(lines, instruction))
    while lines < longest, let link = readLink(frame) {
      if link.returnAddress == last {
        repeats += 1
      } else {
        if repeats > 0 { print(note(repeats)) }
        repeats = 0
        lines += 1
        print(line(lines, link.returnAddress, isReturn: true))
        last = link.returnAddress
      }
      if link.returnAddress == linker_interrupt_return() {
        // The registers that isr_common pushed lie right above the return address.
        let registers = UnsafePointer<trap_frame>(OpaquePointer(pointer_to(frame + 16)))
        guard isReadable(frame + 16 + 168) else { return }
        let f = registers.pointee
        if f.cs & 3 == 3 { return print("       in ring 3 at \(hex: f.rip), vector \(f.vector)") }
        print("       vector \(f.vector) (\(Exceptions.name(f.vector))) interrupted:")
        lines += 1
        print(line(lines, f.rip))
        (last, frame) = (f.rip, f.rbp)
        continue
      }
      // Stacks grow down: a caller's frame is always above, so a damaged chain cannot loop. From another
      // stack the way back leads to the thread's own, once.
      guard link.frame > frame || KernelStacks.isOther(frame, than: link.frame) else { break }
      frame = link.frame
    }
    if repeats > 0 { print(note(repeats)) }
  }

  private static func note(_ count: Int) -> TextLine {
    "       ... and \(count) more calls from the same place"
  }

  /// A call that does not return may be its function's last instruction: the return address then lies in the
  /// next function.
  private static func line(
    _ number: Int, _ address: UInt64, isReturn: Bool = false
  ) -> TextLine {
    let place = Symbols.describe(isReturn ? address - 1 : address)
    return "  #\(number, width: 2)  \(hex: address, digits: 16)  \(place)"
  }

  /// The way to where a thread waits, whose registers lie on its stack: instructions, innermost first.
  ///
  /// Its run queue is locked, so that it stays there.
  static func collect(
    waiting thread: Thread, into addresses: inout InlineArray<12, UInt64>
  ) -> Int {
    let saved = UnsafePointer<UInt64>(
      OpaquePointer(pointer_to(thread.savedStackPointer.pointee)))
    // Pushed by switch_context: R15, R14, R13, R12, RBX, RBP, and the return address.
    addresses[0] = saved[6]
    var frame = saved[5]
    var count = 1
    while count < addresses.count, let link = readLink(frame) {
      addresses[count] = link.returnAddress
      count += 1
      guard link.frame > frame else { break }
      frame = link.frame
    }
    return count
  }

  private static func readLink(_ frame: UInt64) -> (frame: UInt64, returnAddress: UInt64)? {
    guard frame & 7 == 0, isReadable(frame), isReadable(frame &+ 8) else { return nil }
    let words = UnsafePointer<UInt64>(OpaquePointer(pointer_to(frame)))
    guard Symbols.isCode(words[1]) else { return nil }
    return (words[0], words[1])
  }

  static func isReadable(_ address: UInt64) -> Bool {
    let kernelHalf = Layout.userSpace.upperBound..<1 << 47
    return kernelHalf.contains(address) && KernelSpace.isMapped(LinearAddress(address))
  }
}

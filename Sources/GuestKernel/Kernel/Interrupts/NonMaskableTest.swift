/// A self-test of NMIs: one that comes while another is handled waits until that is done, though an
/// exception's IRETQ has let it in; it finds no stack in use that it would overwrite.
/// SDM Vol. 3A, "Handling Multiple NMIs".
import KernelArch

enum NonMaskableTest {
  /// How many the test still waits for; all others are not its.
  nonisolated(unsafe) private static var expected: UInt32 = 0
  nonisolated(unsafe) private static var isInside = false
  nonisolated(unsafe) private static var nested: UInt32 = 0

  /// One at a time, though the second comes inside the first.
  static func run() -> Bool {
    (expected, nested) = (2, 0)
    sendToItself()
    let deadline = Clock.nanoseconds + 1_000_000_000
    while atomic_load32(&expected) != 0, Clock.nanoseconds < deadline { cpu_pause() }
    return expected == 0 && nested == 0
  }

  /// True for an NMI of the test's.
  static func take() -> Bool {
    guard expected > 0, percpu_index() == 0 else { return false }
    if isInside { nested += 1 }
    isInside = true
    atomic_store32(&expected, expected - 1)
    if expected > 0 {
      iret_here()
      sendToItself()
      for _ in 0..<10_000 { cpu_pause() }
    }
    isInside = false
    return true
  }

  private static func sendToItself() {
    LocalAPIC.send(LocalAPIC.Command.nonMaskable, to: LocalAPIC.id)
  }
}

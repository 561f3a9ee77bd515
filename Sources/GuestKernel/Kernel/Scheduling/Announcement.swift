/// The schedule for those who watch the machine from outside, and would else see nothing but stack
/// pointers that change.
///
/// With the option `announce` each switch writes the thread's number to an I/O port that belongs to
/// no device, and before the first time its name, byte by byte, to another one. `emu trace` records
/// these writes and makes a timeline of them; any kernel may do the same.
import KernelArch

enum Announcement {
  private static let namePort: UInt16 = 0x5a0
  private static let threadPort: UInt16 = 0x5a4

  nonisolated(unsafe) private(set) static var isOn = false

  static func start() { isOn = Power.options.announcesThreads }

  /// The thread runs here now; interrupts are off.
  static func running(_ thread: Thread) {
    if !thread.isAnnounced, thread.id != 0 {
      thread.isAnnounced = true
      for byte in thread.process?.name ?? thread.name { outb(namePort, byte) }
    }
    // 0 is nobody, as is the idle thread.
    outl(threadPort, UInt32(truncatingIfNeeded: thread.id))
  }

  /// The running thread has become another program.
  static func renamed() {
    Thread.current.isAnnounced = false
    if isOn { Interrupts.off { running(Thread.current) } }
  }
}

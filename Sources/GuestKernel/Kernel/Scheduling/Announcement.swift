/// The schedule for those who watch the machine from outside, and would else see nothing but stack
/// pointers and page tables that change, and system calls by number.
///
/// With the option `announce` each switch writes the thread's number to an I/O port that belongs to
/// no device, and before the first time its name, byte by byte, to another one; so it names address spaces
/// by the page frame of their highest table, and at the start the system calls. `emu trace` records these
/// writes and makes a timeline of them; any kernel may do the same.
import KernelArch

enum Announcement {
  private static let namePort: UInt16 = 0x5a0
  private static let threadPort: UInt16 = 0x5a4
  private static let callPort: UInt16 = 0x5b0
  private static let spacePort: UInt16 = 0x5b4

  /// System calls have smaller numbers.
  private static let callNumbers: UInt64 = 2048

  nonisolated(unsafe) private(set) static var isOn = false

  static func start() {
    guard Power.options.announcesThreads else { return }
    for number in 0..<callNumbers {
      guard let call = SystemCalls.signature(number) else { continue }
      name(number, bytes(call.name), at: callPort)
    }
    name(KernelSpace.tables, bytes("kernel"))
    isOn = true
  }

  /// The thread runs here now; interrupts are off.
  static func running(_ thread: Thread) {
    // 0 is nobody, as is the idle thread.
    let number = UInt64(thread.id)
    guard !thread.isAnnounced, number != 0 else { return outl(threadPort, UInt32(number)) }
    thread.isAnnounced = true
    if let process = thread.process {
      let line: TextLine = "\(text: process.name)"
      line.withBytes {
        name(process.space.tables, $0)
        name(process.space.seenByRing3, $0)
      }
    }
    let line: TextLine = "\(text: thread.name)"
    line.withBytes { name(number, $0, at: threadPort) }
  }

  /// The running thread has become another program.
  static func renamed() {
    Thread.current.isAnnounced = false
    if isOn { Interrupts.off { running(Thread.current) } }
  }

  private static func name(_ tables: PageTables, _ name: some Sequence<UInt8>) {
    self.name(tables.root.value / pageSize, name, at: spacePort)
  }

  private static func name(_ number: UInt64, _ name: some Sequence<UInt8>, at port: UInt16) {
    for byte in name { outb(namePort, byte) }
    outl(port, UInt32(truncatingIfNeeded: number))
  }

  private static func bytes(_ text: StaticString) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }
}

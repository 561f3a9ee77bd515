/// The blocking queue device of the textbooks: bytes written to /dev/queueN can be read from it, in
/// order; a reader waits while it is empty, a writer while it is full.
///
/// A semaphore of one keeps readers and writers apart, two wait queues hold those who cannot go on.
/// O_NONBLOCK turns waiting into EAGAIN, `poll` and O_ASYNC are there for those who do other things
/// meanwhile, and `ioctl` changes the capacity. /proc/queue has the statistics.
import KernelArch

final class QueueDevice: CharacterDevice {
  static let count: UInt32 = 4
  static let initialCapacity = 256
  /// `ioctl` requests: sets the capacity, empties the queue, returns how much is in it.
  static let resize: UInt64 = 0x5101
  static let clear: UInt64 = 0x5102

  /// One of the queues.
  final class Queue {
    /// Semaphore of one: who has it may touch the ring.
    fileprivate let access = Semaphore(1)
    fileprivate let input = Readiness()
    fileprivate let room = Readiness()
    // Lock for all of these: `access`.
    fileprivate var ring = ByteRing(capacity: QueueDevice.initialCapacity)
    fileprivate var bytesRead: UInt64 = 0
    fileprivate var bytesWritten: UInt64 = 0
    fileprivate var readersWaited: UInt64 = 0
    fileprivate var writersWaited: UInt64 = 0

    init() {}

    fileprivate func enter() throws(SystemFailure) {
      guard access.waitInterruptible() == .done else { throw SystemFailure(.interrupted) }
    }
    fileprivate func leave() { access.post() }
    fileprivate var state: (count: Int, free: Int) { (ring.count, ring.free) }
  }

  private let queues: [Queue] = [Queue(), Queue(), Queue(), Queue()]

  init() { super.init("queue") }

  /// For the boot: registers and announces all of them.
  static func start() {
    let device = QueueDevice()
    guard
      let major = CharacterDevices.register(device, major: 0, minors: 0..<QueueDevice.count)
    else { return }
    for minor in 0..<QueueDevice.count {
      DeviceNodes.announce(
        [UInt8](text: "queue") + [UInt8](decimal: UInt64(minor)), .characterDevice,
        DeviceNumber(major, minor), permissions: 0o666, className: "queue")
    }
    ProcFS.add("queue") { device.describe(&$0) }
  }

  private func describe(_ text: inout Text) {
    text.append("queue  bytes  capacity  written  read  writers-waited  readers-waited\n")
    for (number, queue) in queues.enumerated() {
      text.append(
        "\(number, width: 5) \(queue.ring.count, width: 6) \(queue.ring.capacity, width: 9) \(queue.bytesWritten, width: 8) \(queue.bytesRead, width: 5) \(queue.writersWaited, width: 15) \(queue.readersWaited, width: 15)\n"
      )
    }
  }

  private func queue(_ file: DeviceFile) -> Queue { queues[Int(file.number.minor)] }

  override func read(
    _ file: DeviceFile, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    guard !buffer.isEmpty else { return 0 }
    let queue = queue(file)
    try queue.enter()
    while queue.ring.count == 0 {
      if !file.isNonBlocking { queue.readersWaited += 1 }
      // Never wait with the semaphore: the writer that could help needs it.
      queue.leave()
      if file.isNonBlocking { throw SystemFailure(.tryAgain) }
      try queue.input.wait { queue.state.count > 0 }
      try queue.enter()
    }
    let count = queue.ring.read(into: buffer)
    queue.bytesRead += UInt64(count)
    queue.leave()
    queue.room.notify()
    return count
  }

  override func write(
    _ file: DeviceFile, _ buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int {
    guard !buffer.isEmpty else { return 0 }
    let queue = queue(file)
    try queue.enter()
    while queue.ring.free == 0 {
      if !file.isNonBlocking { queue.writersWaited += 1 }
      queue.leave()
      if file.isNonBlocking { throw SystemFailure(.tryAgain) }
      try queue.room.wait { queue.state.free > 0 }
      try queue.enter()
    }
    let count = queue.ring.write(buffer)
    queue.bytesWritten += UInt64(count)
    queue.leave()
    queue.input.notify()
    return count
  }

  override func poll(_ file: DeviceFile, _ poller: Poller?) -> PollEvents {
    let queue = queue(file)
    queue.input.add(poller)
    queue.room.add(poller)
    let (count, free) = queue.state
    var events: PollEvents = []
    if count > 0 { events.insert(.readable) }
    if free > 0 { events.insert(.writable) }
    return events
  }

  override func control(
    _ file: DeviceFile, _ request: UInt64, _ argument: UInt64
  ) throws(SystemFailure) -> UInt64 {
    let queue = queue(file)
    switch request {
    case QueueDevice.resize:
      guard argument > 0, argument <= 1 << 20 else { throw SystemFailure(.invalidArgument) }
      try queue.enter()
      let fits = queue.ring.resize(to: Int(argument))
      queue.leave()
      if !fits { throw SystemFailure(.busy) }
      queue.room.notify()
    case QueueDevice.clear:
      try queue.enter()
      queue.ring.removeAll()
      queue.leave()
      queue.room.notify()
    case DeviceRequest.bytesReadable:
      try UserMemory.put(UInt32(queue.state.count), at: argument)
    default:
      throw SystemFailure(.notTerminal)
    }
    return 0
  }

  override func flagsChanged(_ file: DeviceFile) {
    queue(file).input.setListening(file, file.flags.contains(.asynchronous))
  }

  override func release(_ file: DeviceFile) { queue(file).input.setListening(file, false) }
}

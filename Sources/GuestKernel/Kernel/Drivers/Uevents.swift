/// Events of the driver model: a device has come or gone. The kernel itself fills /dev by them, and
/// programs read them from /dev/uevent, one message per read.
import KernelArch

enum Uevents {
  private static let lock = SpinLock("uevents", usesReserve: true)
  // Who reads /dev/uevent now. Lock: `lock`.
  nonisolated(unsafe) private static var listeners: [UeventQueue] = []
  nonisolated(unsafe) private static var sequence: UInt64 = 0

  /// The variables of a device, as its file `uevent` shows them.
  static func describe(_ device: Device, _ text: inout Text) {
    if let node = device.node {
      text.append("MAJOR=\(node.number.major)\nMINOR=\(node.number.minor)\n")
      text.append("DEVNAME=\(text: device.name)\n")
    }
    if let driver = device.driver { text.append("DRIVER=\(driver.name)\n") }
  }

  static func send(_ action: StaticString, _ device: Device) {
    DeviceNodes.follow(action, device)
    var text = Text()
    text.append(
      "\(action)@/\(text: device.path)\nACTION=\(action)\nDEVPATH=/\(text: device.path)\n")
    if device.className.utf8CodeUnitCount > 0 { text.append("SUBSYSTEM=\(device.className)\n") }
    if let bus = device.bus { text.append("SUBSYSTEM=\(bus.name)\n") }
    describe(device, &text)
    let queues = lock.withLock {
      sequence += 1
      return (listeners, sequence)
    }
    text.append("SEQNUM=\(queues.1)\n")
    for queue in queues.0 { queue.add(text.bytes) }
  }

  fileprivate static func add(_ queue: UeventQueue) { lock.withLock { listeners.append(queue) } }
  fileprivate static func remove(_ queue: UeventQueue) {
    lock.withLock { listeners.removeAll { $0 === queue } }
  }

  static func start() {
    let device = UeventDevice()
    guard CharacterDevices.register(device, major: 10, minors: 1..<2) != nil else { return }
    DeviceNodes.announce(
      "uevent", .characterDevice, DeviceNumber(10, 1), permissions: 0o600, className: "misc")
  }
}

/// The messages that one reader has not read yet.
private final class UeventQueue {
  private static let capacity = 64
  private let lock = SpinLock("uevent queue", usesReserve: true)
  // Lock: `lock`.
  private var messages: [[UInt8]] = []
  let input = Readiness()

  init() {}

  var isEmpty: Bool { lock.withLock { messages.isEmpty } }

  /// The oldest message goes when nobody reads.
  func add(_ message: [UInt8]) {
    lock.withLock {
      if messages.count == UeventQueue.capacity { messages.removeFirst() }
      messages.append(message)
    }
    input.notify()
  }

  func take() -> [UInt8]? {
    lock.withLock { messages.isEmpty ? nil : messages.removeFirst() }
  }
}

private final class UeventDevice: CharacterDevice {
  init() { super.init("uevent") }

  override func open(_ file: DeviceFile) throws(SystemFailure) {
    let queue = UeventQueue()
    file.state = queue
    Uevents.add(queue)
  }

  private func queue(_ file: DeviceFile) throws(SystemFailure) -> UeventQueue {
    guard let state = file.state else { throw SystemFailure(.badDescriptor) }
    return unsafeDowncast(state, to: UeventQueue.self)
  }

  override func read(
    _ file: DeviceFile, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    let queue = try queue(file)
    while true {
      if let message = queue.take() {
        let part = message.prefix(buffer.count)
        part.withUnsafeBytes { buffer.copyMemory(from: $0) }
        return part.count
      }
      if file.isNonBlocking { throw SystemFailure(.tryAgain) }
      try queue.input.wait { !queue.isEmpty }
    }
  }

  override func poll(_ file: DeviceFile, _ poller: Poller?) -> PollEvents {
    guard let state = file.state else { return .error }
    let queue = unsafeDowncast(state, to: UeventQueue.self)
    queue.input.add(poller)
    return queue.isEmpty ? [] : .readable
  }

  override func release(_ file: DeviceFile) {
    if let state = file.state { Uevents.remove(unsafeDowncast(state, to: UeventQueue.self)) }
  }
}

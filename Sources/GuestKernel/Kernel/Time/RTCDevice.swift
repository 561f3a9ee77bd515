/// `/dev/rtc`: the clock chip for programs, with the requests that Linux has for it.
///
/// A read waits for the next interrupt and returns 8 bytes: how many there were since the last read in
/// the bits from 8 on, and below them the cause. Only one program can have it open.
import KernelArch

final class RTCDevice: CharacterDevice {
  private enum Request {
    static let periodicOn: UInt64 = 0x7005
    static let periodicOff: UInt64 = 0x7006
    /// Fills nine 32-bit words: second, minute, hour, day, month from 0, year from 1900, and three more.
    static let readTime: UInt64 = 0x8024_7009
    static let getFrequency: UInt64 = 0x8008_700b
    static let setFrequency: UInt64 = 0x4008_700c
  }

  private let lock = SpinLock("rtc device")
  /// Lock for these: `lock`.
  private var isOpen = false
  private var isPeriodic = false
  private var frequency: UInt64 = 64

  static func start() {
    let major: UInt32 = 10  // the one for devices that have none of their own
    let minor: UInt32 = 135
    let device = RTCDevice("rtc")
    guard CharacterDevices.register(device, major: major, minors: minor..<minor + 1) != nil else {
      return
    }
    DeviceNodes.announce(
      device.name, .characterDevice, DeviceNumber(major, minor), permissions: 0o660,
      className: "misc")
  }

  override func open(_ file: DeviceFile) throws(SystemFailure) {
    let wasOpen = lock.withLock {
      defer { isOpen = true }
      return isOpen
    }
    if wasOpen { throw SystemFailure(.busy) }
  }

  override func release(_ file: DeviceFile) {
    stop()
    lock.withLock { isOpen = false }
  }

  override func read(
    _ file: DeviceFile, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    guard buffer.count >= 8 else { throw SystemFailure(.invalidArgument) }
    let word = file.isNonBlocking ? RTC.take() : RTC.wait()
    guard let word else { throw SystemFailure(file.isNonBlocking ? .tryAgain : .interrupted) }
    buffer.storeBytes(of: word, as: UInt64.self)
    return 8
  }

  override func control(
    _ file: DeviceFile, _ request: UInt64, _ argument: UInt64
  ) throws(SystemFailure) -> UInt64 {
    switch request {
    case Request.periodicOn:
      guard lock.withLock({ isPeriodic }) || RTC.startPeriodic(Int(frequency)) else {
        throw SystemFailure(.busy)
      }
      lock.withLock { isPeriodic = true }
    case Request.periodicOff:
      stop()
    case Request.getFrequency:
      guard UserMemory.write(record: frequency, to: argument) else {
        throw SystemFailure(.badAddress)
      }
    case Request.setFrequency:
      guard argument >= 2, argument <= 8192, argument.nonzeroBitCount == 1 else {
        throw SystemFailure(.invalidArgument)
      }
      guard !lock.withLock({ isPeriodic }) else { throw SystemFailure(.busy) }
      frequency = argument
    case Request.readTime:
      try readTime(argument)
    default:
      throw SystemFailure(.notTerminal)
    }
    return 0
  }

  override func poll(_ file: DeviceFile, _ poller: Poller?) -> PollEvents {
    RTC.readiness.add(poller)
    return RTC.hasNews ? .readable : []
  }

  private func stop() {
    let wasPeriodic = lock.withLock {
      defer { isPeriodic = false }
      return isPeriodic
    }
    if wasPeriodic { RTC.stopPeriodic() }
  }

  private func readTime(_ address: UInt64) throws(SystemFailure) {
    guard let time = RTC.read() else { throw SystemFailure(.inputOutput) }
    let fields = [
      time.second, time.minute, time.hour, time.day, time.month - 1, time.year - 1900, 0, 0, 0,
    ]
    let words = fields.map { Int32(truncatingIfNeeded: $0) }
    guard words.withUnsafeBytes({ UserMemory.write($0, to: address) }) else {
      throw SystemFailure(.badAddress)
    }
  }
}

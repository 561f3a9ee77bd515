/// A driver as a module: a class of the kernel subclassed, registered, announced in /dev.
///
/// `echo hello > /dev/mailbox; cat /dev/mailbox` prints HELLO. The letter lies in a page of its own, which
/// programs may map, too. While a program has the device open or mapped, or reads /proc/mailbox, the kernel
/// holds the module, and `rmmod` says that it is busy.
@testable import Kernel

package var capacity = 256

final class Mailbox: CharacterDevice {
  private let lock = Mutex("mailbox")
  // Lock for these: `lock`; who maps the page looks without.
  private let page: PhysicalAddress
  private var count = 0

  init(page: PhysicalAddress) {
    self.page = page
    super.init("mailbox")
  }

  deinit { Frames.release(page) }

  var length: Int { lock.withLock { count } }

  override func read(
    _ file: DeviceFile, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    lock.withLock {
      let start = min(Int(file.position), count)
      let length = min(buffer.count, count - start)
      let letter = UnsafeRawBufferPointer(start: page.pointer + start, count: length)
      buffer.copyMemory(from: letter)
      file.position += UInt64(length)
      return length
    }
  }

  override func write(
    _ file: DeviceFile, _ buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int {
    guard buffer.count <= min(capacity, Int(pageSize)) else { throw SystemFailure(.noSpace) }
    lock.withLock {
      count = buffer.count
      for (index, byte) in buffer.enumerated() {
        let capital = byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte
        page.pointer.storeBytes(of: capital, toByteOffset: index, as: UInt8.self)
      }
    }
    return buffer.count
  }

  override func page(_ file: DeviceFile, _ index: UInt64) throws(SystemFailure) -> PhysicalAddress {
    guard index == 0 else { throw SystemFailure(.invalidArgument) }
    return page
  }
}

nonisolated(unsafe) private var mailbox: Mailbox?
nonisolated(unsafe) private var device: Device?

@c(module_init)
package func start() -> Int32 {
  guard let page = Frames.allocate() else { return Int32(SystemError.outOfMemory.rawValue) }
  let driver = Mailbox(page: page)
  guard let major = CharacterDevices.register(driver, major: 0, minors: 0..<1) else {
    return Int32(SystemError.busy.rawValue)
  }
  mailbox = driver
  ProcFS.add("mailbox") { $0.append("a letter of \(driver.length) bytes\n") }
  device = DeviceNodes.announce(
    "mailbox", .characterDevice, DeviceNumber(major, 0), permissions: 0o666, className: "misc")
  return 0
}

@c(module_exit)
package func stop() {
  ProcFS.remove([UInt8](text: "mailbox"))
  if let device { Devices.remove(device) }
  if let mailbox { CharacterDevices.remove(mailbox) }
  (device, mailbox) = (nil, nil)
}

/// A driver as a module: a class of the kernel subclassed, registered, announced in /dev.
///
/// `echo hello > /dev/mailbox; cat /dev/mailbox` prints HELLO. While a program has it open, the module
/// counts a reference and stays.
@testable import Kernel

package var capacity = 256

final class Mailbox: CharacterDevice {
  private let lock = Mutex("mailbox")
  private var content: [UInt8] = []
  private let module: Module?

  init(module: Module?) {
    self.module = module
    super.init("mailbox")
  }

  override func open(_ file: DeviceFile) throws(SystemFailure) {
    guard module?.hold() ?? true else { throw SystemFailure(.noSuchDevice) }
  }

  override func release(_ file: DeviceFile) { module?.letGo() }

  override func read(
    _ file: DeviceFile, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    lock.withLock {
      let start = min(Int(file.position), content.count)
      let count = min(buffer.count, content.count - start)
      for index in 0..<count { buffer[index] = content[start + index] }
      file.position += UInt64(count)
      return count
    }
  }

  override func write(
    _ file: DeviceFile, _ buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int {
    guard buffer.count <= capacity else { throw SystemFailure(.noSpace) }
    lock.withLock {
      content = []
      for byte in buffer { content.append(byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte) }
    }
    return buffer.count
  }
}

nonisolated(unsafe) private var device: Mailbox?

@c(module_init)
package func start() -> Int32 {
  let mailbox = Mailbox(module: Modules.find([UInt8](text: "mailbox")))
  guard let major = CharacterDevices.register(mailbox, major: 0, minors: 0..<1) else {
    return Int32(SystemError.busy.rawValue)
  }
  DeviceNodes.make([UInt8](text: "mailbox"), .characterDevice, DeviceNumber(major, 0), 0o666)
  device = mailbox
  return 0
}

@c(module_exit)
package func stop() {
  if let device { CharacterDevices.remove(device) }
  DeviceNodes.remove([UInt8](text: "mailbox"))
  device = nil
}

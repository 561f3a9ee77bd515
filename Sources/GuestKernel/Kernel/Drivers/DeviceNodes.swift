/// /dev: a file system in memory whose device files come and go with the devices' events.
import KernelArch

enum DeviceNodes {
  nonisolated(unsafe) private(set) static var fileSystem: RamFS?
  /// Above devices that are on no bus: /sys/devices/virtual/CLASS.
  private static let virtual = Device([UInt8](text: "virtual"), parent: nil)

  /// Before the first device is added.
  static func start() { fileSystem = RamFS("devtmpfs") }

  /// A device without hardware is there, such as /dev/null.
  @discardableResult
  static func announce(
    _ name: StaticString, _ kind: FileKind, _ number: DeviceNumber, permissions: UInt16,
    className: StaticString
  ) -> Device {
    announce([UInt8](text: name), kind, number, permissions: permissions, className: className)
  }

  @discardableResult
  static func announce(
    _ name: [UInt8], _ kind: FileKind, _ number: DeviceNumber, permissions: UInt16,
    className: StaticString, parent: Device? = nil
  ) -> Device {
    let above = parent ?? Device([UInt8](text: className), parent: virtual)
    let device = Device(
      name, parent: above, className: className, node: (kind, number, permissions))
    Devices.add(device)
    return device
  }

  /// What an event means for /dev.
  static func follow(_ action: StaticString, _ device: Device) {
    guard let node = device.node else { return }
    let text = [UInt8](text: action)
    if text.equals("add") { make(device.name, node.kind, node.number, node.permissions) }
    if text.equals("remove") { remove(device.name) }
  }

  static func make(
    _ name: [UInt8], _ kind: FileKind, _ number: DeviceNumber, _ permissions: UInt16
  ) {
    guard let root = fileSystem?.root else { return }
    let tree = root.fileSystem.tree
    tree.lock()
    defer { tree.unlock() }
    do throws(SystemFailure) {
      _ = try root.create(name, FileMode(kind, permissions: permissions), number)
    } catch {
      log("devices", "no file for \(text: name): \(error.error.name)")
    }
  }

  /// A device is gone: takes its file away.
  static func remove(_ name: [UInt8]) {
    do throws(SystemFailure) {
      let place = try PathWalk.parent(of: [UInt8](text: "/dev/") + name, nil)
      try Namespace.remove(place, directory: false)
    } catch {
      log("devices", "/dev/\(text: name) stays: \(error.error.name)")
    }
  }
}

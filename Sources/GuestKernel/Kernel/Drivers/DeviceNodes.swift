/// /dev: a file system in memory whose device files come and go with the devices.
import KernelArch

enum DeviceNodes {
  nonisolated(unsafe) private(set) static var fileSystem: RamFS?

  /// Before the first device is announced.
  static func start() {
    let devices = RamFS("devtmpfs")
    devices.root.mode.permissions = 0o755
    fileSystem = devices
  }

  /// A device is there: makes its file.
  static func announce(
    _ name: StaticString, _ kind: FileKind, _ number: DeviceNumber, permissions: UInt16,
    className: StaticString
  ) {
    make([UInt8](text: name), kind, number, permissions)
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
      log("devices", "the file for \(text: name) stays: \(error.error.name)")
    }
  }
}

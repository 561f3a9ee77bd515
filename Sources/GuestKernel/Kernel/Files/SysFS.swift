/// /sys: the tree of devices, drivers, buses and classes, each attribute a file.
import KernelArch

enum SysFS {
  static let tree = ReportTree()
  static let fileSystem: FileSystem = ReportFileSystem("sysfs", tree)

  /// Publishes an attribute.
  ///
  ///     SysFS.add([UInt8](text: "kernel/uptime")) { $0.append("\(Clock.nanoseconds)\n") }
  static func add(
    _ path: [UInt8], of module: Module? = nil, write: ReportTree.Writer? = nil,
    _ read: @escaping ReportTree.Reader
  ) {
    tree.add(path, of: module, write: write, read)
  }

  static func addLink(_ path: [UInt8], to target: [UInt8]) { tree.addLink(path, to: target) }

  /// Removes an attribute, or a directory with everything in it.
  static func remove(_ path: [UInt8]) { tree.remove(path) }
}

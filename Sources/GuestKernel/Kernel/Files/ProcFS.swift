/// /proc: what the kernel has to tell, and a directory for each process.
///
/// Whoever has something to tell adds a name and a closure that writes the text; nothing is stored,
/// each reader gets what is true at that moment.
import KernelArch

enum ProcFS {
  typealias Reader = ReportTree.Reader
  typealias Writer = ReportTree.Writer
  typealias Entry = ReportTree.Entry
  typealias ProcessReader = (Process, inout Text) -> Void

  static let tree = ReportTree()
  private static let lock = SpinLock("proc", usesReserve: true)
  // What each process's directory has. Lock: `lock`.
  nonisolated(unsafe) private static var perProcess: [(name: [UInt8], read: ProcessReader)] = []

  /// What belongs to no other part of the kernel.
  static func start() {
    add("version") { text in
      let record = SystemIdentity.record(node: SystemCalls.node)
      for field in [SystemIdentity.system, .release, .version] {
        text.append("\(text: field.text(in: record))")
        text.append(field == .version ? "\n" : " ")
      }
    }
    add("uptime") { text in
      let centiseconds = Clock.nanoseconds / 10_000_000
      var line: TextLine = "\(centiseconds / 100)."
      line.append(decimal: centiseconds % 100, width: 2, fill: 0x30)
      text.append("\(line)\n")
    }
    add("filesystems") { text in
      for kind in FileSystems.all {
        text.append("\(kind.needsDevice ? "      " as StaticString : "nodev " as StaticString)")
        text.append("\(kind.name)\n")
      }
    }
    add("mounts") { text in
      for mount in Mounts.all {
        let place = Path(mount: mount, dentry: mount.root).text
        let access: StaticString = mount.isReadOnly ? "ro" : "rw"
        text.append(
          "\(text: mount.source) \(text: place) \(mount.fileSystem.name) \(access) 0 0\n")
      }
    }
    add("fs/names") { NameCache.describe(&$0) }
    FileSystems.add(
      FileSystemKind(name: "proc", needsDevice: false) { (_, _) throws(SystemFailure) in
        ProcFileSystem()
      })
  }

  /// Publishes `/proc/PATH`; a second one of the same name takes the first one's place.
  ///
  ///     ProcFS.add("meminfo") { text in text.append("free \(Frames.freeBytes)\n") }
  static func add(_ path: StaticString, write: Writer? = nil, _ read: @escaping Reader) {
    tree.add([UInt8](text: path), write: write, read)
  }

  static func add(_ path: [UInt8], write: Writer? = nil, _ read: @escaping Reader) {
    tree.add(path, write: write, read)
  }

  /// Publishes `/proc/PID/NAME` for every process.
  static func addPerProcess(_ name: StaticString, _ read: @escaping ProcessReader) {
    let name = [UInt8](text: name)
    lock.withLock {
      perProcess.removeAll { $0.name == name }
      perProcess.append((name, read))
    }
  }

  static func remove(_ path: [UInt8]) { tree.remove(path) }
  static func find(_ path: [UInt8]) -> Entry? { tree.find(path) }
  static var entries: [Entry] { tree.entries }

  fileprivate static var processReports: [(name: [UInt8], read: ProcessReader)] {
    lock.withLock { perProcess }
  }
}

final class ProcFileSystem: ReportFileSystem {
  init() { super.init("proc", ProcFS.tree) }
  override func makeRoot() -> Inode { ProcRoot([], self) }

  /// `self`, `PID`, `PID/fd` and `PID/fd/N`, and the reports of a process; else what the tree has.
  override func inode(_ path: [UInt8]) -> Inode? {
    let parts = path.split(separator: 0x2f, maxSplits: 2)
    guard let first = parts.first else { return super.inode(path) }
    if path.equals("self") {
      guard let process = Scheduler.running?.process else { return nil }
      return ProcLink(path, [UInt8](decimal: UInt64(process.pid)), self)
    }
    guard let pid = Array(first).decimal,
      let process = Processes.find(Int(pid))
    else {
      return super.inode(path)
    }
    guard parts.count > 1 else { return ProcessDirectory(path, self, process) }
    let name = Array(parts[1])
    if name.equals("fd"), let table = process.files {
      guard parts.count > 2 else { return DescriptorDirectory(path, self, table) }
      guard let descriptor = Array(parts[2]).decimal else { return nil }
      return DescriptorDirectory.link(table, Int(descriptor), path, self)
    }
    guard parts.count == 2 else { return nil }
    if name.equals("cwd"), let table = process.files {
      return ProcLink(path, table.base.current.text, self)
    }
    for report in ProcFS.processReports where report.name == name {
      let read = report.read
      let functions = ReportTree.Functions(read: { read(process, &$0) }, write: nil)
      return ReportInode(ReportTree.Entry(path: path, functions), self)
    }
    return nil
  }
}

/// The root: the tree's own names, then a directory per process.
private final class ProcRoot: ReportDirectory {
  private var identifiers: [Int] {
    Processes.all.map { $0.pid }
  }

  override func entries(from position: UInt64) throws(SystemFailure) -> [DirectoryEntry] {
    var list = try super.entries(from: position)
    let base: UInt64 = 1 << 32
    if position <= base {
      list.append(
        DirectoryEntry(inode: 2, next: base + 1, kind: .symbolicLink, name: [UInt8](text: "self")))
    }
    for pid in identifiers where base + UInt64(pid) + 1 > position {
      list.append(
        DirectoryEntry(
          inode: base + UInt64(pid), next: base + UInt64(pid) + 1, kind: .directory,
          name: [UInt8](decimal: UInt64(pid))))
    }
    return list
  }
}

private final class ProcessDirectory: ReportDirectory {
  init(_ path: [UInt8], _ fileSystem: ReportFileSystem, _ process: Process) {
    super.init(path, fileSystem)
    if let table = process.files {
      let credentials = table.credentials
      (userID, groupID) = (credentials.effectiveUser, credentials.effectiveGroup)
    }
  }

  override func entries(from position: UInt64) throws(SystemFailure) -> [DirectoryEntry] {
    var names: [(name: [UInt8], kind: FileKind)] = [
      ([UInt8](text: "fd"), .directory), ([UInt8](text: "cwd"), .symbolicLink),
    ]
    for report in ProcFS.processReports { names.append((report.name, .regular)) }
    var list: [DirectoryEntry] = []
    for (index, item) in names.enumerated() where UInt64(index) >= position {
      list.append(
        DirectoryEntry(
          inode: ReportTree.number(of: path + [0x2f] + item.name), next: UInt64(index) + 1,
          kind: item.kind, name: item.name))
    }
    return list
  }
}

/// /proc/PID/fd: a link for each descriptor, to the path that was opened.
private final class DescriptorDirectory: ReportDirectory {
  private let table: FileTable

  init(_ path: [UInt8], _ fileSystem: ReportFileSystem, _ table: FileTable) {
    self.table = table
    super.init(path, fileSystem)
  }

  override func entries(from position: UInt64) throws(SystemFailure) -> [DirectoryEntry] {
    var list: [DirectoryEntry] = []
    for descriptor in table.descriptors where UInt64(descriptor) >= position {
      let name = [UInt8](decimal: UInt64(descriptor))
      list.append(
        DirectoryEntry(
          inode: ReportTree.number(of: path + [0x2f] + name), next: UInt64(descriptor) + 1,
          kind: .symbolicLink, name: name))
    }
    return list
  }

  static func link(
    _ table: FileTable, _ descriptor: Int, _ path: [UInt8], _ fileSystem: ReportFileSystem
  ) -> Inode? {
    do throws(SystemFailure) {
      let file = try table.get(descriptor)
      defer { file.drop() }
      return ProcLink(path, file.path?.text ?? file.title, fileSystem)
    } catch {
      return nil
    }
  }
}

private final class ProcLink: Inode {
  private let target: [UInt8]

  init(_ path: [UInt8], _ target: [UInt8], _ fileSystem: FileSystem) {
    self.target = target
    super.init(
      number: ReportTree.number(of: path), fileSystem: fileSystem,
      mode: FileMode(.symbolicLink, permissions: 0o777))
  }

  override func readLink() throws(SystemFailure) -> [UInt8] { target }
}

/// A file system of reports: each file's text is made when it is read; /proc and /sys are two of them.
///
/// The tree keeps a flat list of paths; a directory exists because something lies below it.
import KernelArch

final class ReportTree {
  typealias Reader = (inout Text) -> Void
  /// Takes what a program wrote into the file; nil when it is content.
  typealias Writer = ([UInt8]) -> SystemError?
  /// Makes an open file of its own kind.
  typealias Opener = (Inode, OpenFlags, Path?) -> OpenFile

  /// What makes and takes a report's text; a structure, so that closures are stored as they are.
  struct Functions {
    let read: Reader
    let write: Writer?

    /// A closure begins with the address of its code.
    fileprivate var code: UInt64 {
      var copy = self
      return withUnsafeBytes(of: &copy) { $0.load(as: UInt64.self) }
    }
  }

  final class Entry {
    /// Below the mount point, with slashes between the directories.
    let path: [UInt8]
    let isWritable: Bool
    /// A symbolic link's text; empty for a file.
    let target: [UInt8]
    /// Whose report it is: while it is open the module stays.
    let module: Module?
    /// Nil when the report has gone with its module, whose code frees what the closures have.
    private(set) var functions: Functions?
    /// For a report that is too long to be made as a whole.
    let open: Opener?

    init(
      path: [UInt8], _ functions: Functions?, target: [UInt8] = [], of module: Module? = nil,
      open: Opener? = nil
    ) {
      self.path = path
      self.functions = functions
      self.open = open
      isWritable = functions?.write != nil
      self.target = target
      self.module = module ?? functions.flatMap { Modules.containing($0.code) }
    }

    fileprivate func forget() { if module != nil { functions = nil } }
  }

  private let lock = SpinLock("reports")
  /// Lock for this: `lock`.
  private let list = GuardedList<Entry>(capacity: 128)

  init() {}

  var entries: [Entry] { list.snapshot(under: lock) }

  /// A second one of the same name takes the first one's place.
  ///
  /// It belongs to the module that is given, or to the one whose code it is.
  func add(
    _ path: [UInt8], of module: Module? = nil, write: Writer? = nil, _ read: @escaping Reader
  ) {
    put(Entry(path: path, Functions(read: read, write: write), of: module))
  }

  /// A file that is read by its own functions.
  func addFile(_ path: [UInt8], open: @escaping Opener) { put(Entry(path: path, nil, open: open)) }

  func addLink(_ path: [UInt8], to target: [UInt8]) { put(Entry(path: path, nil, target: target)) }

  private func put(_ entry: Entry) {
    list.makeRoom(lock)
    let old: Entry? = lock.withLock {
      let old = takeOut { $0.path == entry.path }
      list.append(entry)
      return old
    }
    old?.forget()
  }

  /// Removes an entry and everything below it.
  func remove(_ path: [UInt8]) {
    let below = path + [0x2f]
    while true {
      let old = lock.withLock { takeOut { $0.path == path || $0.path.hasPrefix(below) } }
      guard let old else { return }
      old.forget()
    }
  }

  /// The first such entry, for its caller to free behind the lock, which is held.
  private func takeOut(where isWanted: (Entry) -> Bool) -> Entry? {
    for index in 0..<list.count where isWanted(list[index]) { return list.remove(at: index) }
    return nil
  }

  func find(_ path: [UInt8]) -> Entry? {
    lock.withLock {
      for entry in list where entry.path == path { return entry }
      return nil
    }
  }

  func hasDirectory(_ path: [UInt8]) -> Bool {
    let below = path + [0x2f]
    return lock.withLock {
      for entry in list where entry.path.hasPrefix(below) { return true }
      return false
    }
  }

  /// The names directly in a directory, each once, and what they are; "" is the root.
  func names(in directory: [UInt8]) -> [(name: [UInt8], kind: FileKind)] {
    let prefix = directory.isEmpty ? [] : directory + [0x2f]
    var found: [(name: [UInt8], kind: FileKind)] = []
    for entry in entries where entry.path.hasPrefix(prefix) {
      let rest = entry.path[prefix.count...]
      var name: [UInt8] = []
      for byte in rest {
        if byte == 0x2f { break }
        name.append(byte)
      }
      let kind: FileKind =
        name.count < rest.count ? .directory : entry.target.isEmpty ? .regular : .symbolicLink
      var isNew = true
      for other in found where other.name == name { isNew = false }
      if isNew { found.append((name, kind)) }
    }
    return found
  }

  /// A number that stays the same for a path.
  static func number(of path: [UInt8]) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in path { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash >> 16 | 2
  }
}

/// A mounted tree of reports.
class ReportFileSystem: FileSystem {
  let reports: ReportTree
  private let kindName: StaticString
  private var rootInode: Inode?

  init(_ name: StaticString, _ tree: ReportTree) {
    kindName = name
    self.reports = tree
    super.init()
    rootInode = makeRoot()
  }

  func makeRoot() -> Inode { ReportDirectory([], self) }

  override var name: StaticString { kindName }
  override var root: Inode {
    guard let rootInode else { panic("a report file system without a root") }
    return rootInode
  }

  /// The inode for a path, if there is anything.
  func inode(_ path: [UInt8]) -> Inode? {
    if let entry = reports.find(path) { return ReportInode(entry, self) }
    return reports.hasDirectory(path) ? ReportDirectory(path, self) : nil
  }
}

class ReportDirectory: Inode {
  final let path: [UInt8]
  final let reports: ReportFileSystem

  init(_ path: [UInt8], _ fileSystem: ReportFileSystem) {
    self.path = path
    reports = fileSystem
    super.init(
      number: path.isEmpty ? 1 : ReportTree.number(of: path), fileSystem: fileSystem,
      mode: FileMode(.directory, permissions: 0o555))
    links = 2
  }

  override var keepsNames: Bool { false }

  override func lookup(_ name: [UInt8]) throws(SystemFailure) -> Inode {
    guard let inode = reports.inode(path.isEmpty ? name : path + [0x2f] + name) else {
      throw SystemFailure(.notFound)
    }
    return inode
  }

  override func entries(from position: UInt64) throws(SystemFailure) -> [DirectoryEntry] {
    var list: [DirectoryEntry] = []
    for (index, item) in reports.reports.names(in: path).enumerated()
    where UInt64(index) >= position {
      let full = path.isEmpty ? item.name : path + [0x2f] + item.name
      list.append(
        DirectoryEntry(
          inode: ReportTree.number(of: full), next: UInt64(index) + 1, kind: item.kind,
          name: item.name))
    }
    return list
  }
}

/// One report, or a link between reports.
final class ReportInode: Inode {
  fileprivate let entry: ReportTree.Entry

  init(_ entry: ReportTree.Entry, _ fileSystem: FileSystem) {
    self.entry = entry
    let mode =
      entry.target.isEmpty
      ? FileMode(.regular, permissions: entry.isWritable ? 0o644 : 0o444)
      : FileMode(.symbolicLink, permissions: 0o777)
    super.init(
      number: ReportTree.number(of: entry.path), fileSystem: fileSystem, mode: mode)
  }

  override func readLink() throws(SystemFailure) -> [UInt8] { entry.target }

  override func truncate(to size: UInt64) throws(SystemFailure) {}

  override func open(_ flags: OpenFlags, _ path: Path?) throws(SystemFailure) -> OpenFile {
    if flags.canWrite, !entry.isWritable { throw SystemFailure(.accessDenied) }
    if let open = entry.open { return open(self, flags, path) }
    guard entry.module?.hold() ?? true else { throw SystemFailure(.notFound) }
    guard let functions = entry.functions else {
      entry.module?.letGo()
      throw SystemFailure(.notFound)
    }
    return ReportFile(self, flags, path, functions, of: entry.module)
  }
}

/// A report being read: its text is made at the first read, so that all parts fit together.
final class ReportFile: OpenFile {
  /// Given back before the module, whose code frees what they have.
  private var functions: ReportTree.Functions?
  private let module: Module?
  private var isGivenBack = false
  private let lock = Mutex("report")
  /// Lock for these: `lock`.
  private var text: Text?
  private var position: UInt64 = 0

  /// Takes over the hold of the module that the report belongs to.
  init(
    _ inode: Inode, _ flags: OpenFlags, _ path: Path?, _ functions: ReportTree.Functions,
    of module: Module?
  ) {
    self.functions = functions
    self.module = module
    super.init(inode, flags, path)
  }

  deinit { giveBack() }

  /// Nobody uses the file any more; if a thread crashed in the report, its references stay.
  private func giveBack() {
    if isGivenBack { return }
    isGivenBack = true
    functions = nil
    module?.letGo()
  }

  override var isStream: Bool { false }
  override func release() { giveBack() }

  override func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
    lock.lock()
    defer { lock.unlock() }
    if position == 0 || text == nil { try refresh() }
    let part = text?.slice(at: position, count: buffer.count) ?? []
    part.withUnsafeBytes { buffer.copyMemory(from: $0) }
    position += UInt64(part.count)
    return part.count
  }

  override func read(
    at position: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    lock.lock()
    defer { lock.unlock() }
    if position == 0 || text == nil { try refresh() }
    let part = text?.slice(at: position, count: buffer.count) ?? []
    part.withUnsafeBytes { buffer.copyMemory(from: $0) }
    return part.count
  }

  private func refresh() throws(SystemFailure) {
    try lent { () throws(SystemFailure) in
      // Reports are written line by line, each in a buffer of its own: that takes much stack.
      KernelStacks.onLargeStack {
        var fresh = Text()
        self.functions?.read(&fresh)
        self.text = fresh
      }
    }
  }

  override func write(_ buffer: UnsafeRawBufferPointer) throws(SystemFailure) -> Int {
    guard let take = functions?.write else { throw SystemFailure(.invalidArgument) }
    var bytes = Array(buffer)
    while bytes.last == 0x0a { bytes.removeLast() }
    let error = try lent { () throws(SystemFailure) in take(bytes) }
    if let error { throw SystemFailure(error) }
    return buffer.count
  }

  override func seek(_ offset: Int64, _ origin: SeekOrigin) throws(SystemFailure) -> UInt64 {
    lock.lock()
    defer { lock.unlock() }
    position = try OpenFile.target(
      offset, origin, position: position, end: UInt64(text?.count ?? 0))
    return position
  }
}

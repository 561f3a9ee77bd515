/// The tree of files at boot: a file system in memory with the programs of the image and whatever the
/// boot loader brought, and /dev, /proc and /sys mounted in it.
///
/// What the boot loader brought may be anything: what cannot be unpacked is left out, with a line that says so.
import KernelArch

enum RootFS {
  static func start() {
    let root = RamFS("ramfs")
    Mounts.add(root, on: nil, source: [UInt8](text: "rootfs"))
    FileSystems.add(
      FileSystemKind(name: "ramfs", needsDevice: false) { (_, options) throws(SystemFailure) in
        try RamFS.mount(options)
      })
    DeviceNodes.start()
    do throws(SystemFailure) {
      let directories: [StaticString] = [
        "/bin", "/dev", "/etc", "/lib/modules", "/mnt", "/proc", "/root", "/sys", "/tmp",
      ]
      for directory in directories { try Namespace.makeDirectories([UInt8](text: directory)) }
      let tmp = try PathWalk.resolve([UInt8](text: "/tmp"), nil)
      tmp.inode.mode.permissions = 0o1777
      for file in Files.all where file.kind == .program { try putProgram(file) }
      for file in Files.all where file.kind == .module { unpack(file) }
      if let devices = DeviceNodes.fileSystem { try mount(devices, "/dev") }
      try mount(ProcFileSystem(), "/proc")
      try mount(SysFS.fileSystem, "/sys")
    } catch {
      panic("the root file system: \(error.error.name)")
    }
  }

  private static func mount(
    _ fileSystem: FileSystem, _ place: StaticString
  ) throws(SystemFailure) {
    let point = try PathWalk.resolve([UInt8](text: place), nil)
    Mounts.add(fileSystem, on: point, source: [UInt8](text: fileSystem.name))
  }

  private static func putProgram(_ file: File) throws(SystemFailure) {
    // These two act for others than who starts them.
    let actsAsRoot = file.name.equals("su") || file.name.equals("passwd")
    try put(
      [UInt8](text: "/bin/") + file.name, file.contents, permissions: actsAsRoot ? 0o4755 : 0o755)
  }

  /// The image's program of that name takes its place back from what an initial module has put there;
  /// false when there is none, or it is there already.
  static func restoreProgram(_ name: [UInt8]) -> Bool {
    guard let file = Files.all.first(where: { $0.kind == .program && $0.name == name }) else {
      return false
    }
    do throws(SystemFailure) {
      let path = try PathWalk.resolve([UInt8](text: "/bin/") + name, nil)
      if path.inode.residentContent?.baseAddress == file.contents.baseAddress { return false }
    } catch {}
    do throws(SystemFailure) { try putProgram(file) } catch { return false }
    return true
  }

  /// An initial module: an archive is unpacked, other files get the place that fits them.
  private static func unpack(_ file: File) {
    guard var archive = NewcArchive(file.contents) else {
      do throws(SystemFailure) {
        try putWhole(file)
      } catch {
        log(.error, "rootfs", "\(text: file.name) is left out: \(error.error.name)")
      }
      return
    }
    var problems: TextLine = "\(text: file.name): "
    var leftOut = 0
    while let member = archive.next() {
      do throws(SystemFailure) {
        try put(member)
      } catch {
        if leftOut == 0 { problems.append(line: "\(text: member.name): \(error.error.name); ") }
        leftOut += 1
      }
    }
    if leftOut > 0 { problems.append(line: "left out \(leftOut) members") }
    if archive.isDamaged {
      if leftOut > 0 { problems.append("; ") }
      problems.append(line: "damaged from byte \(archive.offset) on")
    }
    if leftOut > 0 || archive.isDamaged { log(.error, "rootfs", problems) }
  }

  private static func putWhole(_ file: File) throws(SystemFailure) {
    // ELF: e_type says whether it is a program (2, 3) or a loadable module of the kernel (1).
    let isELF = file.contents.count > 18 && file.contents.word32(0) == 0x464c_457f
    let type = isELF ? file.contents[16] : 0
    let place: StaticString = type == 1 ? "/lib/modules/" : type == 0 ? "/" : "/bin/"
    let path = [UInt8](text: place) + file.name
    try makeParent(path)
    try put(path, file.contents, permissions: type == 0 ? 0o644 : 0o755)
  }

  private static func put(_ member: NewcArchive.Member) throws(SystemFailure) {
    var name = member.name[...]
    while name.first == 0x2f || name.starts(with: [0x2e, 0x2f]) { name.removeFirst() }
    if name.isEmpty || Array(name).equals(".") { return }
    let path = [0x2f] + Array(name)
    switch member.mode.kind {
    case .directory:
      try Namespace.makeDirectories(path)
      let made = try PathWalk.resolve(path, nil)
      guard made.inode.kind == .directory else { throw SystemFailure(.notDirectory) }
    case .symbolicLink:
      guard member.content.count <= PathSteps.longestPath else {
        throw SystemFailure(.nameTooLong)
      }
      let target = Array(member.content)
      try makeParent(path)
      try make(path) { (place) throws(SystemFailure) in
        try Namespace.createLink(place, to: target)
      }
    case .regular:
      try makeParent(path)
      try put(path, member.content, permissions: member.mode.permissions)
    case .characterDevice, .blockDevice, .pipe, .socket:
      break  // /dev is filled by the devices themselves
    }
  }

  /// A file in a directory that there is; its content stays where it lies.
  private static func put(
    _ path: [UInt8], _ content: UnsafeRawBufferPointer, permissions: UInt16
  ) throws(SystemFailure) {
    let mode = FileMode(.regular, permissions: permissions)
    try make(path) { (place) throws(SystemFailure) in
      let made = try Namespace.create(place, mode, DeviceNumber(rawValue: 0))
      (made.inode as? RamInode)?.setContent(content)
    }
  }

  /// Makes something that is no directory; the last of a name wins.
  private static func make(
    _ path: [UInt8], _ body: (PathParent) throws(SystemFailure) -> Void
  ) throws(SystemFailure) {
    let place = try PathWalk.parent(of: path, nil)
    do throws(SystemFailure) {
      try body(place)
    } catch {
      guard error.error == .exists else { throw error }
      try Namespace.remove(place, directory: false)
      try body(place)
    }
  }

  private static func makeParent(_ path: [UInt8]) throws(SystemFailure) {
    guard let slash = path.lastIndex(of: 0x2f), slash > 0 else { return }
    try Namespace.makeDirectories(Array(path[0..<slash]))
  }
}

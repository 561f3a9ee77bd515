/// The tree of files at boot: a file system in memory with the programs of the image and whatever the
/// boot loader brought, and /dev, /proc and /sys mounted in it.
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
      for file in Files.all where file.kind == .program {
        // These two act for others than who starts them.
        let actsAsRoot = file.name.equals("su") || file.name.equals("passwd")
        try put(
          [UInt8](text: "/bin/") + file.name, file.contents,
          permissions: actsAsRoot ? 0o4755 : 0o755)
      }
      for file in Files.all where file.kind == .module { try unpack(file) }
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

  /// An initial module: an archive is unpacked, other files get the place that fits them.
  private static func unpack(_ file: File) throws(SystemFailure) {
    if var archive = NewcArchive(file.contents) {
      while let member = archive.next() { try put(member) }
      return
    }
    // ELF: e_type says whether it is a program (2, 3) or a loadable module of the kernel (1).
    let isELF = file.contents.count > 18 && file.contents.word32(0) == 0x464c_457f
    let type = isELF ? file.contents[16] : 0
    let place: StaticString = type == 1 ? "/lib/modules/" : type == 0 ? "/" : "/bin/"
    try put([UInt8](text: place) + file.name, file.contents, permissions: type == 0 ? 0o644 : 0o755)
  }

  private static func put(_ member: NewcArchive.Member) throws(SystemFailure) {
    var name = member.name
    while name.first == 0x2e || name.first == 0x2f { name.removeFirst() }
    if name.isEmpty { return }
    let path = [0x2f] + name
    switch member.mode.kind {
    case .directory:
      try Namespace.makeDirectories(path)
    case .symbolicLink:
      try makeParent(path)
      try Namespace.createLink(try PathWalk.parent(of: path, nil), to: Array(member.content))
    case .regular:
      try makeParent(path)
      try put(path, member.content, permissions: member.mode.permissions)
    case .characterDevice, .blockDevice, .pipe, .socket:
      break  // /dev is filled by the devices themselves
    }
  }

  /// A file in a directory that there is; its content stays where it lies.
  ///
  /// The last of a name wins.
  private static func put(
    _ path: [UInt8], _ content: UnsafeRawBufferPointer, permissions: UInt16
  ) throws(SystemFailure) {
    let place = try PathWalk.parent(of: path, nil)
    let mode = FileMode(.regular, permissions: permissions)
    let made: Path
    do throws(SystemFailure) {
      made = try Namespace.create(place, mode, DeviceNumber(rawValue: 0))
    } catch {
      guard error.error == .exists else { throw error }
      try Namespace.remove(place, directory: false)
      made = try Namespace.create(place, mode, DeviceNumber(rawValue: 0))
    }
    (made.inode as? RamInode)?.setContent(content)
  }

  private static func makeParent(_ path: [UInt8]) throws(SystemFailure) {
    guard let slash = path.lastIndex(of: 0x2f), slash > 0 else { return }
    try Namespace.makeDirectories(Array(path[0..<slash]))
  }
}

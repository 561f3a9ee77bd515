/// Programs that look at and change the file tree.
import Apus

let fileTools: [Tool] = [
  List.tool,
  Tool(name: "pwd", usage: "pwd", summary: "the current directory") { _ in
    say(bytes: FileTree.currentDirectory + [0x0a])
    return 0
  },
  Tool(name: "mkdir", usage: "mkdir [-p] PATH...", summary: "makes directories", run: mkdir),
  Tool(name: "rmdir", usage: "rmdir PATH...", summary: "removes empty directories") { arguments in
    forEachOperand(Options(arguments, known: "", operands: 1...Int.max).operands) {
      (name) throws(SystemError) in
      try FileTree.removeDirectory(name)
    }
  },
  Tool(name: "rm", usage: "rm [-rRf] PATH...", summary: "removes files", run: rm),
  Tool(name: "cp", usage: "cp [-r] FROM... TO", summary: "copies files", run: cp),
  Tool(name: "mv", usage: "mv [-f] FROM... TO", summary: "renames files", run: mv),
  Tool(name: "ln", usage: "ln [-sf] TARGET [NAME]", summary: "another name for a file", run: ln),
  Tool(name: "touch", usage: "touch PATH...", summary: "makes empty files") { arguments in
    forEachOperand(Options(arguments, known: "", operands: 1...Int.max).operands) {
      (name) throws(SystemError) in
      try Descriptor.open(name, [.writeOnly, .create]).close()
    }
  },
  Tool(name: "readlink", usage: "readlink PATH...", summary: "where links point") { arguments in
    forEachOperand(Options(arguments, known: "", operands: 1...Int.max).operands) {
      (name) throws(SystemError) in
      say(bytes: try FileTree.target(ofLink: name) + [0x0a])
    }
  },
  Tool(name: "chmod", usage: "chmod OCTAL PATH...", summary: "changes permissions", run: chmod),
  Tool(
    name: "chown", usage: "chown USER[:GROUP] PATH...", summary: "gives files to another user",
    run: chown),
  Find.tool, DiskUsage.tool,
  Tool(
    name: "mount", usage: "mount [-r] [-o OPTIONS] [-t TYPE SOURCE PATH]",
    summary: "attaches a file system", run: mount),
  Tool(name: "umount", usage: "umount PATH...", summary: "detaches them") { arguments in
    forEachOperand(Options(arguments, known: "", operands: 1...Int.max).operands) {
      (name) throws(SystemError) in
      try FileTree.unmount(name)
    }
  },
  Tool(name: "df", usage: "df [PATH...]", summary: "how full file systems are", run: DiskFree.run),
  Tool(name: "sync", usage: "sync", summary: "writes everything to the disks") { _ in
    Call.sync().isSuccess ? 0 : 1
  },
  Tool(
    name: "dd", usage: "dd [if=FILE] [of=FILE] [bs=N] [count=N] [seek=N] [skip=N] [conv=notrunc]",
    summary: "copies blocks", run: BlockCopy.run),
]

private func mkdir(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(arguments, known: "p", operands: 1...Int.max)
  return forEachOperand(options.operands) { (name) throws(SystemError) in
    if options.has("p") {
      for (index, byte) in name.enumerated() where byte == 0x2f && index > 0 {
        let parent = Array(name[..<index])
        if !FileTree.isDirectory(parent) { try FileTree.makeDirectory(parent) }
      }
      if FileTree.isDirectory(name) { return }
    }
    try FileTree.makeDirectory(name)
  }
}

private func rm(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(arguments, known: "rRf")
  if options.operands.isEmpty, !options.has("f") { Usage.refuse("an operand is missing") }
  return forEachOperand(options.operands) { (name) throws(SystemError) in
    if options.has("f"), (try? FileTree.status(of: name, followingLinks: false)) == nil { return }
    try remove(name, recursively: options.has("r") || options.has("R"))
  }
}

private func remove(_ name: [UInt8], recursively: Bool) throws(SystemError) {
  let kind = try FileTree.status(of: name, followingLinks: false).mode.kind
  guard kind == .directory else { return try FileTree.remove(name) }
  guard recursively else { throw .isDirectory }
  for entry in try FileTree.entries(of: name) {
    try remove(path(name, entry.name), recursively: true)
  }
  try FileTree.removeDirectory(name)
}

private func copy(
  _ name: [UInt8], to target: [UInt8], recursively: Bool
) throws(SystemError) {
  if try FileTree.status(of: name).mode.kind == .directory {
    guard recursively else { throw .isDirectory }
    if !FileTree.isDirectory(target) { try FileTree.makeDirectory(target) }
    for entry in try FileTree.entries(of: name) {
      try copy(path(name, entry.name), to: path(target, entry.name), recursively: true)
    }
    return
  }
  let source = try Descriptor.open(name)
  defer { _ = Call.close(source.rawValue) }
  let permissions = UInt32(try source.status().mode.permissions)
  let file = try Descriptor.open(
    target, [.writeOnly, .create, .truncate], permissions: permissions)
  defer { _ = Call.close(file.rawValue) }
  while true {
    let part = try source.read(limit: 4096)
    if part.isEmpty { return }
    try file.write(all: part)
  }
}

/// The last operand; a directory takes each of the others under its own name.
private func target(_ operands: [[UInt8]], for name: [UInt8]) -> [UInt8] {
  let last = operands[operands.count - 1]
  return FileTree.isDirectory(last) ? path(last, name.lastPathPart) : last
}

private func cp(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(arguments, known: "rR", operands: 2...Int.max)
  let operands = options.operands
  let isRecursive = options.has("r") || options.has("R")
  return forEachOperand(Array(operands.dropLast())) { (name) throws(SystemError) in
    try copy(name, to: target(operands, for: name), recursively: isRecursive)
  }
}

private func mv(_ arguments: [[UInt8]]) -> Int32 {
  let operands = Options(arguments, known: "f", operands: 2...Int.max).operands
  return forEachOperand(Array(operands.dropLast())) { (name) throws(SystemError) in
    let target = target(operands, for: name)
    do throws(SystemError) {
      try FileTree.rename(name, to: target)
    } catch {
      guard error == .crossDevice else { throw error }
      try copy(name, to: target, recursively: true)
      try remove(name, recursively: true)
    }
  }
}

private func ln(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(arguments, known: "sf", operands: 1...2)
  let isHere = options.operands.count == 1
  let place = isHere ? options.operands[0].lastPathPart : options.operands[1]
  return forEachOperand([place]) { (place) throws(SystemError) in
    let name = FileTree.isDirectory(place) ? path(place, options.operands[0].lastPathPart) : place
    if options.has("f") { try? FileTree.remove(name) }
    if options.has("s") {
      try FileTree.symbolicLink(options.operands[0], as: name)
    } else {
      try FileTree.link(options.operands[0], as: name)
    }
  }
}

private func chmod(_ arguments: [[UInt8]]) -> Int32 {
  guard arguments.count > 2 else { fail("usage: chmod OCTAL PATH...", code: 2) }
  var bits: UInt32 = 0
  for byte in arguments[1] {
    guard byte >= 0x30, byte < 0x38, bits < 0o1000 else { fail("not an octal number", code: 2) }
    bits = bits * 8 + UInt32(byte - 0x30)
  }
  return forEachOperand(Array(arguments.dropFirst(2))) { (name) throws(SystemError) in
    try FileTree.setPermissions(bits, of: name)
  }
}

private func chown(_ arguments: [[UInt8]]) -> Int32 {
  guard arguments.count > 2 else { fail("usage: chown USER[:GROUP] PATH...", code: 2) }
  let parts = arguments[1].split(separator: 0x3a).map { Array($0) }
  guard parts.count == 1 || parts.count == 2, let user = Account.user(parts[0]) else {
    fail("no such user", code: 1)
  }
  var group = Account.of(user: user)?.group ?? user
  if parts.count == 2 {
    guard let other = Account.named(parts[1])?.group ?? Account.user(parts[1]) else {
      fail("no such group", code: 1)
    }
    group = other
  }
  return forEachOperand(Array(arguments.dropFirst(2))) { (name) throws(SystemError) in
    try name.withPath {
      Call.chown($0, Int32(bitPattern: user), Int32(bitPattern: group))
    }.check()
  }
}

private func mount(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(arguments, known: "t:o:r", operands: 0...2)
  guard !options.operands.isEmpty else { return showFile([UInt8](text: "/proc/mounts")) }
  guard let type = options.value("t"), options.operands.count == 2 else {
    Usage.refuse("a type, what to mount and where are wanted")
  }
  let (source, place) = (options.operands[0], options.operands[1])
  do throws(SystemError) {
    try FileTree.mount(
      source, on: place, type: type, flags: options.has("r") ? 1 : 0,
      options: options.value("o") ?? [])
    return 0
  } catch {
    complain("\(text: source) on \(text: place): \(error.name); dmesg may say more")
    return 1
  }
}

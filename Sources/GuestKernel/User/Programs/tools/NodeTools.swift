/// Programs about single names: special files, where programs are, parts of paths, what `stat` says.
import Apus

let nodeTools: [Tool] = [
  Tool(name: "mkfifo", usage: "mkfifo [-m OCTAL] NAME...", summary: "makes named pipes") {
    let options = Options($0, known: "m:", operands: 1...Int.max)
    return forEachOperand(options.operands) { (name) throws(SystemError) in
      try makeNode(name, .pipe, options, DeviceNumber(rawValue: 0))
    }
  },
  Tool(
    name: "mknod", usage: "mknod [-m OCTAL] NAME p | NAME b|c MAJOR MINOR",
    summary: "makes device files and named pipes", run: mknod),
  Tool(name: "which", usage: "which NAME...", summary: "where programs are") {
    let names = Options($0, known: "", operands: 1...Int.max).operands
    var code: Int32 = 0
    for name in names {
      let folders = name.contains(0x2f) ? [[]] : Environment.searchPath
      let places = folders.map { $0.isEmpty ? name : path($0, name) }
      let found = places.first { place in
        !FileTree.isDirectory(place) && place.withPath { Call.access($0, 1) }.isSuccess
      }
      if let found { say(bytes: found + [0x0a]) } else { code = 1 }
    }
    return code
  },
  Tool(
    name: "basename", usage: "basename PATH [SUFFIX]", summary: "what follows the last slash"
  ) {
    let operands = Options($0, known: "", operands: 1...2).operands
    var name = parts(operands[0]).name
    if operands.count > 1, name.count > operands[1].count,
      name.suffix(operands[1].count).elementsEqual(operands[1])
    {
      name.removeLast(operands[1].count)
    }
    say(bytes: name + [0x0a])
    return 0
  },
  Tool(name: "dirname", usage: "dirname PATH...", summary: "what stands before it") {
    for operand in Options($0, known: "", operands: 1...Int.max).operands {
      say(bytes: parts(operand).folder + [0x0a])
    }
    return 0
  },
  Tool(name: "stat", usage: "stat PATH...", summary: "all that is known of a file", run: stat),
]

private func permissions(_ options: Options) -> UInt32? {
  guard let text = options.value("m") else { return nil }
  guard text.allSatisfy({ $0 >= 0x30 && $0 < 0x38 }), text.count <= 4 else {
    Usage.refuse("\(text: text): not an octal number")
  }
  return text.reduce(0) { $0 * 8 + UInt32($1 - 0x30) }
}

private func makeNode(
  _ name: [UInt8], _ kind: FileKind, _ options: Options, _ device: DeviceNumber
) throws(SystemError) {
  let bits = permissions(options)
  let mode = FileMode(kind, permissions: UInt16(bits ?? 0o666))
  try name.withPath { Call.mknod($0, UInt32(mode.rawValue), UInt64(device.rawValue)) }.check()
  if let bits { try FileTree.setPermissions(bits, of: name) }
}

private func mknod(_ arguments: [[UInt8]]) -> Int32 {
  let options = Options(arguments, known: "m:", operands: 2...4)
  let operands = options.operands
  let kind: FileKind
  switch operands[1] {
  case [UInt8(ascii: "p")]: kind = .pipe
  case [UInt8(ascii: "b")]: kind = .blockDevice
  case [UInt8(ascii: "c")], [UInt8(ascii: "u")]: kind = .characterDevice
  default: Usage.refuse("\(text: operands[1]): a kind is p, b or c")
  }
  guard operands.count == (kind == .pipe ? 2 : 4) else {
    Usage.refuse("a device has two numbers, a pipe none")
  }
  var number = DeviceNumber(rawValue: 0)
  if kind != .pipe {
    guard let major = operands[2].decimal, let minor = operands[3].decimal, major < 4096,
      minor < 1 << 20
    else { Usage.refuse("a device's numbers are decimal") }
    number = DeviceNumber(UInt32(major), UInt32(minor))
  }
  return forEachOperand([operands[0]]) { (name) throws(SystemError) in
    try makeNode(name, kind, options, number)
  }
}

/// A path without slashes at its end, cut at the last one that is left.
private func parts(_ path: [UInt8]) -> (folder: [UInt8], name: [UInt8]) {
  var path = path
  while path.count > 1, path.last == 0x2f { path.removeLast() }
  guard let slash = path.lastIndex(of: 0x2f) else { return ([0x2e], path) }
  if path.count == 1 { return (path, path) }
  var folder = Array(path[..<slash])
  while folder.count > 1, folder.last == 0x2f { folder.removeLast() }
  return (folder.isEmpty ? [0x2f] : folder, Array(path[(slash + 1)...]))
}

private func stat(_ arguments: [[UInt8]]) -> Int32 {
  let operands = Options(arguments, known: "", operands: 1...Int.max).operands
  return forEachOperand(operands) { (name) throws(SystemError) in
    let status = try FileTree.status(of: name, followingLinks: false)
    say(bytes: [UInt8](text: "  file: ") + name + [0x0a])
    say("  size: \(status.size), \(status.blocks) blocks of 512 bytes, inode \(status.inode)")
    say(" on file system \(status.fileSystem)\n")
    let (octal, _) = PrintFormat.text(
      [UInt8](text: "%04o"), [[UInt8](decimal: UInt64(status.mode.permissions))])
    say("access: \(status.mode.text) (\(text: octal)), \(status.links) links, ")
    say("user \(status.userID), group \(status.groupID)\n")
    if status.mode.kind == .characterDevice || status.mode.kind == .blockDevice {
      say("device: \(status.device.major), \(status.device.minor)\n")
    }
    for (what, time) in [
      ("  read", status.accessed), (" write", status.modified), ("change", status.changed),
    ] as [(StaticString, UInt64)] {
      let format = [UInt8](text: "%Y-%m-%d %H:%M:%S UTC\n")
      say("\(what): ")
      say(bytes: DateFormat.text(format, secondsSince1970: Int64(time / 1_000_000_000)))
    }
  }
}

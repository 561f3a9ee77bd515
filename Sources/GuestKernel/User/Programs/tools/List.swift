/// ls: what is in a directory; side by side on a terminal, line by line elsewhere.
import Apus

enum List {
  static let tool = Tool(
    name: "ls", usage: "ls [-1FRSadhilrt] [PATH...]", summary: "what is in a directory", run: run)

  private struct Item {
    let name: [UInt8]
    let status: FileStatus
    /// Where a symbolic link points.
    var target: [UInt8]?
  }

  private static func run(_ arguments: [[UInt8]]) -> Int32 {
    let options = Options(arguments, known: "1CFRSadhilrt")
    var names = options.operands.isEmpty ? [[UInt8](text: ".")] : options.operands
    let isTitled = names.count > 1 || options.has("R")
    // Files first, as everywhere; then the directories one by one.
    var files: [Item] = []
    var code = forEachOperand(names) { (name) throws(SystemError) in
      let kind = try FileTree.status(of: name, followingLinks: false).mode.kind
      let followed = options.has("l") ? kind : (try? FileTree.status(of: name).mode.kind) ?? kind
      guard followed != .directory || options.has("d") else { return }
      files.append(try item(name, at: name))
    }
    names.removeAll { name in files.contains { $0.name == name } || !FileTree.exists(name) }
    show(files, options)
    for (index, name) in names.enumerated() {
      if index > 0 || !files.isEmpty { say("\n") }
      code |= forEachOperand([name]) { (name) throws(SystemError) in
        try list(name, isTitled: isTitled, options)
      }
    }
    return code
  }

  /// A directory; with -R then each one in it, but not where symbolic links lead.
  private static func list(
    _ directory: [UInt8], isTitled: Bool, _ options: Options
  ) throws(SystemError) {
    if isTitled { say(bytes: directory + [0x3a, 0x0a]) }
    var items: [Item] = []
    for entry in try FileTree.entries(of: directory) {
      if entry.name.first == 0x2e, !options.has("a") { continue }
      // What has gone meanwhile is not there.
      if let item = try? item(entry.name, at: path(directory, entry.name)) { items.append(item) }
    }
    show(items, options)
    guard options.has("R") else { return }
    for item in items where item.status.mode.kind == .directory {
      say("\n")
      let inner = path(directory, item.name)
      do throws(SystemError) {
        try list(inner, isTitled: true, options)
      } catch {
        complain("\(text: inner): \(error.name)")
      }
    }
  }

  private static func item(_ name: [UInt8], at path: [UInt8]) throws(SystemError) -> Item {
    let status = try FileTree.status(of: path, followingLinks: false)
    let isLink = status.mode.kind == .symbolicLink
    return Item(
      name: name, status: status, target: isLink ? try? FileTree.target(ofLink: path) : nil)
  }

  // MARK: Showing

  private static func show(_ items: [Item], _ options: Options) {
    var items = items
    if options.has("t") {
      items.sort { $0.status.modified > $1.status.modified }
    } else if options.has("S") {
      items.sort { $0.status.size > $1.status.size }
    }
    if options.has("r") { items.reverse() }
    if options.has("l") { return showLong(items, options) }
    let names = items.map { item in
      (options.has("i") ? [UInt8](decimal: item.status.inode) + [0x20] : [])
        + item.name + mark(item, options)
    }
    let isTerminal = Terminal.settings(of: .output) != nil
    if options.has("C") || (isTerminal && !options.has("1")) {
      let width = Terminal.size(of: .output).columns
      for line in Columns.lines(names, width: width) { say(bytes: line + [0x0a]) }
    } else {
      for name in names { say(bytes: name + [0x0a]) }
    }
  }

  /// -F: what a name is, as one character behind it.
  private static func mark(_ item: Item, _ options: Options) -> [UInt8] {
    guard options.has("F") else { return [] }
    switch item.status.mode.kind {
    case .directory: return [0x2f]
    case .symbolicLink: return [0x40]
    case .pipe: return [0x7c]
    case .regular where item.status.mode.permissions & 0o111 != 0: return [0x2a]
    default: return []
    }
  }

  private static func showLong(_ items: [Item], _ options: Options) {
    let accounts = Account.all
    func name(_ number: UInt32, _ isThat: (Account) -> UInt32) -> [UInt8] {
      accounts.first { isThat($0) == number }?.name ?? [UInt8](decimal: UInt64(number))
    }
    let sizes = items.map { size($0.status, options) }
    let width = sizes.reduce(0) { max($0, $1.count) }
    for (item, size) in zip(items, sizes) {
      let status = item.status
      var line = TextLine()
      if options.has("i") {
        line.append(decimal: status.inode, width: 6)
        line.append(" ")
      }
      line.append(line: status.mode.text)
      line.append(decimal: UInt64(status.links), width: 4)
      for part in [name(status.userID) { $0.user }, name(status.groupID) { $0.group }] {
        line.append(" ")
        let start = line.count
        line.append(bytes: part)
        line.pad(to: start + 7)
      }
      for _ in size.count...width { line.append(" ") }
      line.append(bytes: size)
      line.append(" ")
      line.append(
        bytes: DateFormat.text(
          [UInt8](text: "%Y-%m-%d %H:%M "), secondsSince1970: Int64(status.modified / 1_000_000_000)
        ))
      say(line)
      say(bytes: item.name + mark(item, options))
      if let target = item.target { say(bytes: [UInt8](text: " -> ") + target) }
      say("\n")
    }
  }

  private static func size(_ status: FileStatus, _ options: Options) -> [UInt8] {
    if status.mode.kind == .characterDevice || status.mode.kind == .blockDevice {
      return [UInt8]("\(status.device.major), \(status.device.minor, width: 3)" as TextLine)
    }
    return options.has("h") ? status.size.brief : [UInt8](decimal: status.size)
  }
}

extension FileMode {
  /// `-rwxr-xr-x`, with an s instead of the x where the program runs in its owner's or group's name.
  var text: TextLine {
    var line = TextLine()
    line.append(byte: kind.letter)
    for shift in [6, 3, 0] as [UInt16] {
      let special: UInt16 = shift == 6 ? 0o4000 : shift == 3 ? 0o2000 : 0o1000
      let letter: UInt8 = shift == 0 ? 0x74 : 0x73
      line.append(byte: permissions >> shift & 4 != 0 ? 0x72 : 0x2d)
      line.append(byte: permissions >> shift & 2 != 0 ? 0x77 : 0x2d)
      let runs = permissions >> shift & 1 != 0
      if permissions & special != 0 {
        line.append(byte: runs ? letter : letter - 0x20)
      } else {
        line.append(byte: runs ? 0x78 : 0x2d)
      }
    }
    return line
  }
}

extension UInt64 {
  /// A number of bytes for people: `512`, `1.5K`, `23M`.
  var brief: [UInt8] {
    var value = self
    var tenths: UInt64 = 0
    for unit in ["", "K", "M", "G", "T"] as [StaticString] {
      guard value >= 1024 else {
        let showsTenths = value < 10 && unit.utf8CodeUnitCount > 0
        let line: TextLine = showsTenths ? "\(value).\(tenths)\(unit)" : "\(value)\(unit)"
        return [UInt8](line)
      }
      tenths = value % 1024 * 10 / 1024
      value /= 1024
    }
    return [UInt8]("\(value)P" as TextLine)
  }
}

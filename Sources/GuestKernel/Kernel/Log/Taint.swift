/// What has happened to this kernel that makes its later mishaps less its own: shown by each panic.
enum Taint: UInt64 {
  case forcedUnload = 0x4
  /// An exception in the kernel was survived.
  case oops = 0x80
  case warning = 0x200
  case unsignedModule = 0x2000

  private var letter: StaticString {
    switch self {
    case .forcedUnload: "R"
    case .oops: "D"
    case .warning: "W"
    case .unsignedModule: "E"
    }
  }

  /// Lock: none; bits are only ever added.
  nonisolated(unsafe) private(set) static var flags: UInt64 = 0

  static func add(_ reason: Taint) { flags |= reason.rawValue }

  static func start() {
    ProcFS.add("tainted") { $0.append("\(Taint.flags) \(Taint.letters)\n") }
  }

  static var letters: TextLine {
    var line = TextLine()
    for reason in [Taint.forcedUnload, .oops, .warning, .unsignedModule] {
      if flags & reason.rawValue != 0 { line.append(reason.letter) }
    }
    if line.count == 0 { line.append("none") }
    return line
  }
}

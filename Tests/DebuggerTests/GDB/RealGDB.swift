import Foundation

/// GDB itself and the command, as processes that talk over a socket.
final class RealGDB {
  /// The command, where `swift test` puts what it builds.
  private static let emu: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: own).deletingLastPathComponent().appending(path: "emu").path
  }()

  /// Where a program is, nil if it is not installed.
  static func program(_ name: String) -> String? {
    let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
    return folders.map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  static let isInstalled = program("gdb") != nil

  private let folder: URL
  private let guest = Process()
  let port: UInt16

  /// Starts the command with options of `boot`; a nil image is firmware's business.
  init(_ image: [UInt8]?, _ options: [String] = [], waits: Bool = true) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "emu-gdb-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    port = UInt16.random(in: 20_000..<32_000)
    var arguments = ["boot", "--gdb", "\(port)", "--serial", "null"] + options
    if waits { arguments.append("--wait") }
    if let image { arguments.append(try file("guest.elf", image)) }
    guest.executableURL = URL(fileURLWithPath: Self.emu)
    guest.arguments = arguments
    guest.standardInput = FileHandle.nullDevice
    guest.standardOutput = FileHandle.nullDevice
    guest.standardError = FileHandle.nullDevice
    try guest.run()
  }

  deinit {
    if guest.isRunning { guest.terminate() }
    guest.waitUntilExit()
    try? FileManager.default.removeItem(at: folder)
  }

  /// Whether the command still runs.
  var isGuestRunning: Bool { guest.isRunning }

  /// Writes a file beside what GDB sees.
  @discardableResult
  func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    let url = folder.appending(path: name)
    try Data(bytes).write(to: url)
    return url.path
  }

  /// Attaches GDB, lets it do what the lines say, and takes what it wrote.
  func run(_ lines: String, before: String = "", seconds: Double = 120) throws -> String {
    let script = """
      set confirm off
      set pagination off
      set width 0
      set print entry-values no
      set tcp connect-timeout 20
      set remotetimeout 60
      \(before)
      target remote :\(port)
      \(lines)

      """
    let process = Process()
    process.executableURL = Self.program("gdb").map { URL(fileURLWithPath: $0) }
    process.arguments = ["-nx", "-batch", "-x", try file("script.gdb", Array(script.utf8))]
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    let output = try file("output", [])
    let handle = FileHandle(forWritingAtPath: output)
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
    let killer = DispatchWorkItem { process.terminate() }
    DispatchQueue.global().asyncAfter(deadline: .now() + seconds, execute: killer)
    process.waitUntilExit()
    killer.cancel()
    return String(decoding: try Data(contentsOf: URL(fileURLWithPath: output)), as: UTF8.self)
  }
}

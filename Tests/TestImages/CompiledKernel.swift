import Foundation

/// Compiles small kernels from C with the clang that comes with Swift.
public enum CompiledKernel {
  /// What `build` needs, found in the search path; nil where it is missing.
  private static func tool(_ name: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").map { "\($0)/\(name)" }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }

  /// Whether there is a compiler and a linker.
  public static var isAvailable: Bool { tool("clang") != nil && tool("ld.lld") != nil }

  /// Compiles and links `source` for 100000h with its debugging sections.
  ///
  /// - Parameters:
  ///   - source: C, with `start` as the entry.
  ///   - name: The name of the source file.
  ///   - flags: What else the compiler is told.
  /// - Returns: The image; nil if there is no compiler, or it refuses.
  /// - Throws: What files and processes throw.
  public static func build(
    _ source: String, name: String = "kernel.c", flags: [String] = ["-O1"]
  ) throws -> [UInt8]? {
    guard let clang = tool("clang"), let linker = tool("ld.lld") else { return nil }
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "emu-compiled-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: name)
    try source.write(to: file, atomically: true, encoding: .utf8)
    let object = folder.appending(path: "kernel.o").path
    let image = folder.appending(path: "kernel.elf").path
    let compiled = try run(
      clang,
      [
        "-target", "x86_64-unknown-none-elf", "-ffreestanding", "-g", "-mno-red-zone",
        "-fno-pic", "-fno-stack-protector", "-c", file.path, "-o", object,
      ] + flags)
    guard compiled,
      try run(
        linker,
        [
          "-static", "-Ttext=0x100000", "-z", "max-page-size=4096", "-e", "start", object,
          "-o", image,
        ])
    else { return nil }
    return Array(try Data(contentsOf: URL(fileURLWithPath: image)))
  }

  private static func run(_ tool: String, _ arguments: [String]) throws -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: tool)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit(atMost: 120)
    return process.terminationStatus == 0
  }
}

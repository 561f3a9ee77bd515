import Foundation
import Testing

/// What ARCHITECTURE.md and Quirks.md claim about the sources.
@Suite struct ArchitectureTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// The Swift files below a folder, by path from the root.
  private static func files(_ folder: String) throws -> [String] {
    let all = try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path)
    return all.filter { $0.hasSuffix(".swift") }.map { "\(folder)/\($0)" }.sorted()
  }

  /// A file without its comments.
  private static func code(_ path: String) throws -> String {
    try text(path).split(separator: "\n", omittingEmptySubsequences: false)
      .map { line in line[..<(line.firstRange(of: "//")?.lowerBound ?? line.endIndex)] }
      .joined(separator: "\n")
  }

  private static func words(_ text: String) -> Set<String> {
    Set(text.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
  }

  /// The types declared at the top level of the files below the folders.
  private static func types(_ folders: [String]) throws -> Set<String> {
    let pattern =
      /^(?:public |package |private |fileprivate )?(?:final )?(?:class|struct|enum|protocol|actor) (\w+)/
    var names: Set<String> = []
    for folder in folders {
      for file in try files("Sources/Emulator/\(folder)") {
        for line in try text(file).split(separator: "\n") {
          if let match = line.firstMatch(of: pattern) { names.insert(String(match.1)) }
        }
      }
    }
    return names
  }

  /// The types declared inside others, whose names shadow those at the top level.
  private static func nestedTypes(_ files: [String]) throws -> Set<String> {
    var names: Set<String> = []
    for file in files {
      for match in try text(file).matches(of: /\n +(?:\w+ )*(?:class|struct|enum) (\w+)/) {
        names.insert(String(match.1))
      }
    }
    return names
  }

  private static func expectNone(
    of names: Set<String>, in folder: String, allowed: Set<String> = []
  ) throws {
    let files = try files("Sources/Emulator/\(folder)")
    #expect(!files.isEmpty && !names.isEmpty)
    let own = try nestedTypes(files)
    for file in files {
      let found = try words(code(file)).intersection(names).subtracting(allowed).subtracting(own)
      #expect(found.isEmpty, "\(file) names \(found.sorted())")
    }
  }

  @Test func theProcessorKnowsNoDeviceNoMachineNoHost() throws {
    try Self.expectNone(
      of: Self.types(["Devices", "Machine", "Host", "Loader", "Time"]), in: "CPU")
    try Self.expectNone(
      of: Self.types(["CPU", "Devices", "Machine", "Host", "Loader"]), in: "Memory",
      allowed: ["PhysicalAddress"])
  }

  @Test func devicesKnowNeitherProcessorNorAddress() throws {
    // The local APIC is the interrupt source that the processor sees.
    try Self.expectNone(
      of: Self.types(["CPU", "Machine", "Host", "Loader"]), in: "Devices",
      allowed: ["InterruptSource"])
    try Self.expectNone(
      of: Self.types(["CPU", "Devices", "Machine", "Host", "Loader"]), in: "Time")
  }

  @Test func onlyTheHostFolderTouchesTheOutside() throws {
    let outside: Set = [
      "Foundation", "Dispatch", "open", "fopen", "socket", "clock_gettime", "gettimeofday",
      "getenv",
      "tcgetattr", "tcsetattr", "isatty", "poll", "signal", "sigaction", "STDIN_FILENO",
      "STDOUT_FILENO", "STDERR_FILENO", "print", "nanosleep", "usleep",
    ]
    for folder in ["CPU", "Memory", "Devices", "Time", "Machine", "Loader"] {
      for file in try Self.files("Sources/Emulator/\(folder)") {
        let code = try Self.code(file)
        // Without the C library there is nothing to touch it with.
        guard code.contains("import ") else { continue }
        let used = code.split(separator: "\n").filter { line in
          outside.contains { name in
            line.contains("import \(name)") || Self.uses(line, name)
          }
        }
        #expect(used.isEmpty, "\(file): \(used)")
      }
    }
  }

  /// Whether a line calls the free function `name`, or uses the constant.
  private static func uses(_ line: Substring, _ name: String) -> Bool {
    let mark = name.hasSuffix("_FILENO") ? name : "\(name)("
    return line.ranges(of: mark).contains { range in
      let before = line[..<range.lowerBound]
      guard let last = before.last else { return true }
      return !last.isLetter && !last.isNumber && last != "_" && last != "."
        && !before.hasSuffix("func ")
    }
  }

  @Test func everyPathInTheArchitectureExists() throws {
    let page = try Self.text("ARCHITECTURE.md")
    #expect(page.split(separator: "\n", omittingEmptySubsequences: false).count <= 121)
    let paths = page.matches(of: /`((?:Sources|Tests|Images)[\w\/+.]*)`/).map { String($0.1) }
    #expect(paths.count > 30)
    for path in paths {
      #expect(
        FileManager.default.fileExists(atPath: Self.root.appending(path: path).path), "\(path)")
    }
  }

  @Test func everyFolderStandsInTheArchitecture() throws {
    let page = try Self.text("ARCHITECTURE.md")
    for parent in ["Sources", "Sources/Emulator"] {
      let names = try FileManager.default.contentsOfDirectory(
        atPath: Self.root.appending(path: parent).path)
      for name in names where !name.hasPrefix(".") {
        if parent == "Sources/Emulator" && name == "CPU" { continue }
        #expect(page.contains("`\(parent)/\(name)`"), "\(parent)/\(name)")
      }
    }
  }

  @Test func quirksAreNamedWhereTheyAre() throws {
    let rows = try Self.text("Quirks.md").matches(of: /\| `([\w-]+)` \|/).map { String($0.1) }
    var marks: [String] = []
    for file in try Self.files("Sources/Emulator") {
      marks += try Self.text(file).matches(of: /Quirk: ([\w-]+)/).map { String($0.1) }
    }
    #expect(Set(rows) == Set(marks))
    #expect(rows.count == Set(rows).count)
  }
}

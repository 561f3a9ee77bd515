import Foundation
import Testing

/// kernel.options, kernel.config and the sources speak of the same options.
@Suite struct ConfigurationTests {
  private static let kernel = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Sources/GuestKernel")

  private struct Option {
    var name: String
    var isSwitch: Bool
    var standard: String
    var needs: String?
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: kernel.appending(path: path), encoding: .utf8)
  }

  private static func options() throws -> [Option] {
    try text("kernel.options").matches(
      of: #/(?m)^option ([A-Z_]+) (\S+) (\S+)(?: needs ([A-Z_]+))?$/#
    ).map {
      Option(
        name: String($0.1), isSwitch: $0.2 == "yes-no", standard: String($0.3),
        needs: $0.4.map { String($0) })
    }
  }

  /// Everything below a folder, as one text.
  private static func sources(_ folder: String) -> String {
    let found = FileManager.default.enumerator(
      at: kernel.appending(path: folder), includingPropertiesForKeys: nil)
    let files = (found?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
    return files.compactMap { try? String(contentsOf: $0, encoding: .utf8) }
      .joined(separator: "\n")
  }

  @Test func everyOptionHasAValueAndNothingElseHasOne() throws {
    let names = try Self.options().map(\.name)
    #expect(names.count > 30 && Set(names).count == names.count)
    let values = try Self.text("kernel.config").matches(of: #/(?m)^([A-Z_]+) = (\S+)$/#)
    #expect(values.map { String($0.1) } == names)
  }

  @Test func everydayIsTheStandard() throws {
    let config = try Self.text("kernel.config")
    for option in try Self.options() {
      #expect(config.contains("\n\(option.name) = \(option.standard)\n"), "\(option.name)")
    }
  }

  @Test func whatAnOptionNeedsComesBeforeIt() throws {
    var known: Set<String> = []
    for option in try Self.options() {
      if let needs = option.needs { #expect(known.contains(needs), "\(option.name)") }
      if option.isSwitch { known.insert(option.name) }
    }
  }

  @Test func everyOptionIsAskedForInTheKernel() throws {
    let kernel = Self.sources("Kernel")
    for option in try Self.options() where option.name != "VARIABLE" {
      #expect(kernel.contains("Configuration.\(option.name)"), "nobody asks for \(option.name)")
    }
  }

  /// The compiler must see all code in every configuration, or some of it rots unseen.
  @Test func noCodeIsHiddenFromTheCompiler() {
    for folder in ["Kernel", "Core", "Modules"] {
      #expect(!Self.sources(folder).contains(#/(?m)^ *#(if|elseif) +!?CONFIG/#), "\(folder)")
    }
  }

  @Test func demonstrationsNameOptionsThatThereAre() throws {
    let names = Set(try Self.options().filter(\.isSwitch).map(\.name))
    let demos = Self.sources("Kernel/Demos").matches(
      of: #/needs: \("([A-Z_]+)", Configuration\.([A-Z_]+)\)/#)
    #expect(demos.count > 10)
    for demo in demos { #expect(demo.1 == demo.2 && names.contains(String(demo.1))) }
    for demo in Self.sources("User/Programs/demo").matches(of: #/needs: "([A-Z_]+)"/#) {
      #expect(names.contains(String(demo.1)))
    }
  }
}

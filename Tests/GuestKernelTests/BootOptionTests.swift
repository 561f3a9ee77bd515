import Foundation
import GuestKernel
import Testing

/// `help boot` and the kernel agree on what may stand on the command line.
@Suite struct BootOptionTests {
  private static let all = BootOptionList.all.map {
    (usage: "\($0.usage)", examples: "\($0.examples)")
  }

  @Test func everyListedOptionIsUnderstood() {
    for entry in Self.all {
      let options = BootOptions(commandLine: Array(entry.examples.utf8))
      #expect(options.unknown.isEmpty, "\(entry.usage)")
    }
  }

  /// Whatever the three readers compare words with stands in the list.
  @Test(arguments: ["BootOptions", "LogLevel", "ModuleOptions"])
  func everyOptionIsListed(file: String) throws {
    let sources = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Sources/GuestKernel/Core/\(file).swift")
    let text = try String(contentsOf: sources, encoding: .utf8)
    let found = text.matches(of: /word\.(?:equals\(|starts\(with: )"([^"]+)"/).map { $0.1 }
    #expect(!found.isEmpty)
    for option in found {
      #expect(
        Self.all.contains { $0.usage.contains(option) }, "\(option) is missing in BootOptionList")
    }
  }

  @Test func sentencesFitIntoATerminal() {
    for entry in BootOptionList.all {
      #expect("\(entry.usage)".count <= 28)
      #expect("\(entry.meaning)".count <= 62)
    }
  }
}

import Foundation
import Testing

/// Every program in /bin says how it is called, and refuses an option that it does not have.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct ProgramHelpTests {
  /// POSIX gives them all their words, with dashes or without.
  private static let takesWords: Set = [
    "[", "echo", "expr", "false", "printf", "test", "true", "yes",
  ]

  /// Runs each program with this argument: its name, its code, and what it says on two lines of `file`.
  private static func ask(
    _ argument: String, _ file: String, without: String
  ) throws -> [[String]] {
    let script = """
      for p in /bin/*; do n=${p##*/}; case $n in \(without)) continue;; esac; \
      $p \(argument) < /dev/null > /tmp/1 2> /tmp/2; c=$?; \
      { read -r a; read -r b; } < /tmp/\(file); echo asked@$n@$c@$a@$b; done
      """
    let run = try QEMU.boot(commandLine: "quiet cmd=\"sh -c '\(script)'\" exit debug-exit")
    #expect(run.status == 33, "\(run.output)")
    return run.output.components(separatedBy: "\r\n")
      .filter { $0.hasPrefix("asked@") }
      .map { $0.components(separatedBy: "@").dropFirst().map { $0 } }
  }

  @Test func everyProgramAnswersHelp() throws {
    let answers = try Self.ask("--help", "1", without: "-")
    #expect(answers.count > 100)
    for answer in answers where answer.count == 4 {
      // The shell under its other name.
      let name = answer[0] == "shell" ? "sh" : answer[0]
      #expect(answer[1] == "0", "\(name) --help: status \(answer[1])")
      #expect(answer[2].hasPrefix("usage: \(name)"), "\(name) --help: \(answer[2])")
      #expect(!answer[3].isEmpty, "\(name) --help: does not say what it does")
    }
    #expect(answers.allSatisfy { $0.count == 4 })
  }

  @Test func everyProgramRefusesWrongOptions() throws {
    // yes would never end.
    let answers = try Self.ask("--no-such", "2", without: "yes")
    #expect(answers.count > 100)
    for answer in answers where !Self.takesWords.contains(answer[0]) {
      #expect(answer[1] == "2", "\(answer[0]) --no-such: status \(answer[1])")
      #expect(answer[2].hasPrefix("\(answer[0]): "), "\(answer[0]) --no-such: \(answer[2])")
    }
  }
}

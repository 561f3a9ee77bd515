import ArgumentParser
import Emulator
import Glibc

/// The command: parse, configure, one call, print.
@main
struct Emu: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "emu", abstract: "A deterministic x86-64 machine.",
    discussion: ExitStatus.help, version: "emu 0.1.0",
    subcommands: [
      Boot.self, Debug.self, Test.self, Crash.self, Inspect.self, TraceCommand.self, Replay.self,
      Bundle.self, Profile.self, CoverageRun.self,
    ])

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      ExitStatus.leave(for: error)
    }
  }
}

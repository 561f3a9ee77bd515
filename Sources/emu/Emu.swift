import ArgumentParser
import Emulator

/// The command: parse, configure, one call, print.
@main
struct Emu: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "emu", abstract: "A deterministic x86-64 machine.", version: "0.1.0")
}

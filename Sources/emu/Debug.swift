import ArgumentParser

/// `emu debug`: the machine of `emu boot`, stopped before its first instruction, in the monitor.
struct Debug: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Boot a kernel in the monitor, stopped before its first instruction.",
    discussion: """
      The options are those of `emu boot`. In the monitor, `help` lists the commands; while the \
      guest runs, Ctrl-A c returns to it. With --script, or with standard input from a file, it \
      needs no terminal. With --check a finding stops the guest like a breakpoint.
      """)

  @OptionGroup var boot: Boot

  func run() throws {
    var boot = boot
    boot.isDebugging = true
    try boot.run()
  }
}

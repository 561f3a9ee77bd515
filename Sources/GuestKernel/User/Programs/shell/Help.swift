/// What `help` says.
import Apus

enum Help {
  static func show(_ topic: [UInt8]?) {
    guard let topic else { return showCommands() }
    if topic.equals("boot") {
      showBoot()
    } else if topic.equals("keys") {
      showKeys()
    } else {
      say("usage: help [boot|keys]\n")
    }
  }

  private static func showCommands() {
    for command in commandTable {
      say("  \(command.usage, padded: 30)\(command.summary)\n")
    }
    say("Programs:")
    for file in Listing.files() { say(" \(text: file.name.bytes)") }
    say("\nPROGRAM & runs in the background; A; B runs one after the other.\n")
    say("help boot: options of the kernel. help keys: editing the line.\n")
  }

  private static func showBoot() {
    say("Options on the kernel command line:\n")
    option("quiet", "no boot messages on the console")
    option("cmd=\"A; B\"", "the shell begins with these commands")
    option("exit", "power-off when they have ended")
    option("init=PROGRAM, run=PROGRAM", "instead of the shell")
    option("debug-exit", "end through port 0xF4: 0x10 at power-off, 0x01 after a panic")
    option("selftest", "the kernel checks itself first")
    option("panic=reboot", "restart after a panic")
  }

  private static func showKeys() {
    option("arrows, Ctrl-B, Ctrl-F", "move by a character")
    option("Home, End, Ctrl-A, Ctrl-E", "move to the start or the end")
    option("up, down, Ctrl-P, Ctrl-N", "earlier and later lines")
    option("Tab", "completes a command or a file name")
    option("Ctrl-K, Ctrl-U, Ctrl-W", "delete to the end, to the start, a word")
    option("Ctrl-C", "ends the program in the foreground, or the line")
    option("Ctrl-L", "empties the screen")
  }

  private static func option(_ name: StaticString, _ meaning: StaticString) {
    say("  \(name, padded: 28)\(meaning)\n")
  }
}

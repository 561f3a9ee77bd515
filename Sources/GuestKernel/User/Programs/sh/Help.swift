/// What `help` says.
import Apus

enum Help {
  static func show(_ topic: [UInt8]?) {
    guard let topic else { return showCommands() }
    if topic.equals("boot") { return showBoot() }
    if topic.equals("keys") { return showKeys() }
    if let command = BuiltIn.find(topic) {
      say("usage: \(command.usage)\n\(command.summary)\n")
    } else {
      do throws(SystemError) {
        _ = try Process.run([topic, [UInt8](text: "--help")])
      } catch {
        say("\(error.name)\n")
      }
    }
  }

  private static func showCommands() {
    say("The shell itself:\n")
    for command in BuiltIn.all { Usage.list(command.usage, command.summary) }
    say("Programs:")
    var column = 9
    do throws(SystemError) {
      for entry in try FileTree.entries(of: [UInt8](text: "/bin")) {
        if column + entry.name.count > 76 {
          say("\n   ")
          column = 3
        }
        say(" \(text: entry.name)")
        column += entry.name.count + 1
      }
    } catch {
      say(" \(error.name)")
    }
    say("\nhelp NAME: one of them. help boot: the kernel's options. help keys: editing.\n")
    say("demo: ideas of the kernel, shown at work. usertests: does the kernel keep its promises?\n")
  }

  private static func showBoot() {
    say("Options on the kernel command line:\n")
    for entry in BootOptionList.all { option(entry.usage, entry.meaning) }
  }

  private static func showKeys() {
    option("arrows, Ctrl-B, Ctrl-F", "move by a character")
    option("Alt-B, Alt-F", "move by a word; so do arrows with Ctrl")
    option("Home, End, Ctrl-A, Ctrl-E", "move to the start or the end")
    option("up, down, Ctrl-P, Ctrl-N", "earlier and later lines")
    option("Ctrl-R", "looks for text in earlier lines; again for the one before")
    option("Tab", "completes a command, a path, a variable, a demonstration")
    option("Ctrl-K, Ctrl-U, Ctrl-W", "delete to the end, to the start, a word")
    option("Alt-D, Alt-Backspace", "delete the next word, the one before")
    option("Ctrl-Y", "inserts what was deleted last")
    option("Ctrl-T, Alt-.", "exchanges characters; the last word of the line before")
    option("Ctrl-C", "ends the program in the foreground, or the line")
    option("Ctrl-Z", "stops the program in the foreground; fg and bg go on with it")
    option("Ctrl-L", "empties the screen")
  }

  private static func option(_ name: StaticString, _ meaning: StaticString) {
    Usage.list(name, meaning)
  }
}

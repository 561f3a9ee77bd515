import Emulator

extension Command {
  /// Commands that show and change memory.
  static let memory: [Command] = [
    Command(
      name: "x", arguments: "[/COUNT FORMAT SIZE] ADDRESS", topic: .looking,
      help:
        "Examine memory, as in gdb: x/8xg $rsp, x/4i $rip, x/s 0x1000. FORMAT is x d u o t c a s "
        + "or i, SIZE is b h w or g. An empty line goes on.",
      completion: .symbols, isRepeatable: true
    ) { monitor, text throws(MonitorError) in try monitor.examine(text, isPhysical: false) },
    Command(
      name: "xp", arguments: "[/COUNT FORMAT SIZE] ADDRESS", topic: .looking,
      help: "Examine physical memory; RAM only, so that no device notices.", isRepeatable: true
    ) { monitor, text throws(MonitorError) in try monitor.examine(text, isPhysical: true) },
    Command(
      name: "find", arguments: "ADDRESS LENGTH \"TEXT\"|NUMBER[:SIZE]", topic: .looking,
      help: "Search memory. Text is searched byte for byte, a number with its low byte first."
    ) { monitor, text throws(MonitorError) in try monitor.find(text) },
    Command(
      name: "set", arguments: "$REGISTER|[phys] [ADDRESS:SIZE] = VALUE", topic: .looking,
      help: "Change a general register, or memory. The recorded future is forgotten then, as it is "
        + "no longer what would happen.",
      completion: .registers
    ) { monitor, text throws(MonitorError) in try monitor.set(text) },
  ]
}

/// Every command, by name.
enum CommandTable {
  static let all: [Command] =
    Command.running + Command.reversing + Command.breakpoints + Command.looking + Command.memory
    + Command.paging + Command.tables + Command.devices + Command.time + Command.session

  private static let byName: [String: Int] = {
    var names: [String: Int] = [:]
    for (index, command) in all.enumerated() {
      for name in [command.name] + command.aliases where names[name] == nil { names[name] = index }
    }
    return names
  }()

  /// Every name, in order.
  static let names: [String] = byName.keys.sorted()

  /// The command of a name, or of a beginning that only one command has.
  static func command(named name: String) throws(MonitorError) -> Command {
    if let index = byName[name] { return all[index] }
    let candidates = Set(names.filter { $0.hasPrefix(name) }.compactMap { byName[$0] })
    guard let index = candidates.first else {
      throw MonitorError("there is no command `\(name)`; `help` lists those there are")
    }
    guard candidates.count == 1 else {
      let list = candidates.map { all[$0].name }.sorted().joined(separator: ", ")
      throw MonitorError("`\(name)` may be any of these: \(list)")
    }
    return all[index]
  }
}

extension Monitor {
  /// Every name of a command, in order.
  public static var commandNames: [String] { CommandTable.names }

  /// The commands that only look, and do so without an argument.
  public static var lookingCommands: [String] {
    let topics: Set<Command.Topic> = [.looking, .memory, .tables]
    let names = CommandTable.all.filter { topics.contains($0.topic) }.map(\.name)
    return names.filter { $0 != "set" } + ["info", "when", "history", "cpu", "diagnose", "help"]
  }

  /// What the last word of a line can be completed to.
  public static func completions(of line: String, _ symbols: ProgramSymbols) -> [String] {
    let head = String(line.prefix { !$0.isWhitespace })
    guard head.count < line.count else {
      return CommandTable.names.filter { $0.hasPrefix(head) }
    }
    guard let command = try? CommandTable.command(named: head) else { return [] }
    // The last word may begin with other parts of an expression.
    let last = line.split(whereSeparator: \.isWhitespace).last.map(String.init) ?? ""
    let word = line.last?.isWhitespace == true ? "" : last
    let name = String(
      word.reversed().prefix { $0.isLetter || $0.isNumber || "_$-.".contains($0) }.reversed())
    let before = word.dropLast(name.count)
    return candidates(command.completion, name, symbols).map { before + $0 }
  }

  private static func candidates(
    _ completion: Command.Completion, _ name: String, _ symbols: ProgramSymbols
  ) -> [String] {
    switch completion {
    case .none, .files: return []
    case .commands: return CommandTable.names.filter { $0.hasPrefix(name) }
    case .words(let words): return words.filter { $0.hasPrefix(name) }
    case .registers:
      return RegisterName.all.map { "$" + $0.name }.filter { $0.hasPrefix(name) }
    case .symbols:
      if name.hasPrefix("$") {
        return RegisterName.all.map { "$" + $0.name }.filter { $0.hasPrefix(name) }
      }
      return Array(symbols.table.completions(of: name).prefix(200))
    }
  }
}

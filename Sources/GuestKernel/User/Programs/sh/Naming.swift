/// What a word means as a command: an alias, a function, the shell's own, or a program; and `alias` itself.
import Apus

enum Naming {
  /// The file that a name without a slash means.
  static func path(of name: [UInt8], mustRun: Bool = true) -> [UInt8]? {
    let folders = name.contains(0x2f) ? [[]] : Environment.searchPath
    for folder in folders {
      let path = folder.isEmpty ? name : folder + (folder.last == 0x2f ? [] : [0x2f]) + name
      guard let kind = try? FileTree.status(of: path).mode.kind, kind != .directory else {
        continue
      }
      if !mustRun || path.withPath({ Call.access($0, 1) }).isSuccess { return path }
    }
    return nil
  }

  private static let reserved: [StaticString] = [
    "!", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then",
    "until", "while",
  ]

  /// A sentence about a name, or only what would run; false when it means nothing.
  static func describe(_ name: [UInt8], _ shell: Shell, isBrief: Bool) -> Bool {
    func tell(_ meaning: [UInt8], _ brief: [UInt8]) -> Bool {
      say(bytes: (isBrief ? brief : name + [UInt8](text: " is ") + meaning) + [0x0a])
      return true
    }
    if let alias = shell.aliases.first(where: { $0.name == name }) {
      let text = quoted(alias.text)
      return tell(
        [UInt8](text: "an alias for ") + text, [UInt8](text: "alias ") + name + [0x3d] + text)
    }
    if reserved.contains(where: { name.equals($0) }) {
      return tell([UInt8](text: "a word of the shell's grammar"), name)
    }
    if shell.function(name) != nil { return tell([UInt8](text: "a function"), name) }
    if BuiltIn.find(name) != nil { return tell([UInt8](text: "the shell's own"), name) }
    if let path = path(of: name) { return tell(path, path) }
    return false
  }
}

let naming: [BuiltIn] = [
  BuiltIn(name: "type", usage: "type NAME...", summary: "what a name means") { shell, words in
    var code: Int32 = 0
    for name in words.dropFirst() where !Naming.describe(name, shell, isBrief: false) {
      complain("\(text: name): not found")
      code = 127
    }
    return code
  },
  BuiltIn(
    name: "command", usage: "command [-v | -V] COMMAND", summary: "runs it past functions"
  ) { shell, words in
    var rest = Array(words.dropFirst())
    if let flag = rest.first, flag.equals("-v") || flag.equals("-V") {
      rest.removeFirst()
      var code: Int32 = rest.isEmpty ? BuiltIn.misused : 0
      for name in rest where !Naming.describe(name, shell, isBrief: flag.equals("-v")) {
        if flag.equals("-V") { complain("\(text: name): not found") }
        code = 127
      }
      return code
    }
    if rest.isEmpty { return 0 }
    shell.run(rest, [], [], text: rest[0], isAlone: false, usesFunctions: false)
    return shell.lastCode
  },
  BuiltIn(name: "alias", usage: "alias [NAME[=TEXT]...]", summary: "names for commands") {
    shell, words in
    var code: Int32 = 0
    if words.count == 1 { for alias in shell.aliases { show(alias) } }
    for word in words.dropFirst() {
      if let sign = word.firstIndex(of: 0x3d), sign > 0 {
        let name = Array(word[..<sign])
        shell.aliases.removeAll { $0.name == name }
        shell.aliases.append(ShellAlias(name: name, text: Array(word[(sign + 1)...])))
      } else if let alias = shell.aliases.first(where: { $0.name == word }) {
        show(alias)
      } else {
        complain("alias: \(text: word): there is none")
        code = 1
      }
    }
    return code
  },
  BuiltIn(name: "unalias", usage: "unalias -a | NAME...", summary: "forgets them") {
    shell, words in
    guard words.count > 1 else { return BuiltIn.misused }
    let forgetsAll = words[1].equals("-a")
    let count = shell.aliases.count
    shell.aliases.removeAll { alias in forgetsAll || words.dropFirst().contains(alias.name) }
    return forgetsAll || shell.aliases.count < count ? 0 : 1
  },
]

private func show(_ alias: ShellAlias) {
  say(bytes: [UInt8](text: "alias ") + alias.name + [0x3d] + quoted(alias.text) + [0x0a])
}

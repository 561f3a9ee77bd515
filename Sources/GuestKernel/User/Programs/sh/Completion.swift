/// What Tab finds: commands where one can stand, variables after a `$`, jobs after a `%`, else paths.
import Apus

enum Completion {
  static func candidates(_ editor: LineEditor, _ shell: Shell) -> [[UInt8]] {
    let word = editor.wordBeforeCursor
    var found: [[UInt8]] = []
    if let dollar = word.lastIndex(of: 0x24), !word[dollar...].contains(0x2f) {
      found = variables(word, Array(word[...dollar]), shell)
    } else if word.first == 0x25 {
      found = shell.jobs.all.map { [0x25] + [UInt8](decimal: UInt64($0.number)) }
    } else if editor.isAtCommand, !word.contains(0x2f), word.first != 0x7e {
      found = commands(shell)
    } else if editor.commandWord.equals("demo") || editor.commandWord.equals("usertests") {
      found = listed(by: editor.commandWord)
    }
    found.removeAll { !$0.hasPrefix(word) }
    let wantsFolder = editor.commandWord.equals("cd") || editor.commandWord.equals("rmdir")
    if found.isEmpty { found = paths(word, shell, onlyFolders: wantsFolder) }
    found.sort { $0.precedes($1) }
    var last: [UInt8]?
    found.removeAll { name in
      defer { last = name }
      return name == last
    }
    return found
  }

  private static func variables(
    _ word: [UInt8], _ start: [UInt8], _ shell: Shell
  ) -> [[UInt8]] {
    shell.variables.all.map { start + $0.name }
  }

  private static func commands(_ shell: Shell) -> [[UInt8]] {
    var found = BuiltIn.all.map { [UInt8](text: $0.name) }
    found += shell.functions.map { $0.name } + shell.aliases.map { $0.name }
    for folder in Environment.searchPath {
      let entries = (try? FileTree.entries(of: folder)) ?? []
      found += entries.filter { $0.kind != .directory }.map { $0.name }
    }
    return found
  }

  /// The first words of what a program prints when it is asked for what it knows.
  private static func listed(by program: [UInt8]) -> [[UInt8]] {
    guard let pipe = try? Descriptor.pipe(.closeOnExec), let pid = try? Process.fork() else {
      return []
    }
    if pid == 0 {
      _ = Call.dup2(pipe.writing.rawValue, 1)
      _ = Call.dup2(pipe.writing.rawValue, 2)
      let words = program.equals("demo") ? [program] : [program, [UInt8](text: "-l")]
      _ = Process.executeFromPath(words)
      System.exitNow(127)
    }
    _ = Call.close(pipe.writing.rawValue)
    let output = (try? pipe.reading.readAll(limit: 1 << 16)) ?? []
    _ = Call.close(pipe.reading.rawValue)
    _ = try? Process.wait(for: pid)
    var found: [[UInt8]] = []
    for line in output.split(separator: 0x0a) where line.first == 0x20 {
      if let word = Words.split(Array(line)).first { found.append(word) }
    }
    return found
  }

  /// `~` stays as it was typed.
  private static func paths(_ word: [UInt8], _ shell: Shell, onlyFolders: Bool) -> [[UInt8]] {
    let end = (word.lastIndex(of: 0x2f) ?? -1) + 1
    let folder = Array(word[..<end])
    let start = Array(word[end...])
    var real = folder
    if folder.first == 0x7e {
      let user = Array(folder.dropFirst().prefix { $0 != 0x2f })
      let home = user.isEmpty ? shell.value(of: [UInt8](text: "HOME")) : shell.home(of: user)
      if let home { real = home + folder.dropFirst(user.count + 1) }
    }
    var found: [[UInt8]] = []
    for name in shell.names(in: real) where name.hasPrefix(start) {
      if name.first == 0x2e, start.isEmpty { continue }
      let isFolder = FileTree.isDirectory(real + name)
      if onlyFolders, !isFolder { continue }
      found.append(folder + name + (isFolder ? [0x2f] : []))
    }
    return found
  }
}

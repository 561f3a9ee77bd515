/// Commands about variables: `export`, `readonly`, `local`, `unset`, `read`, `shift`, `getopts`.
import Apus

let variableCommands: [BuiltIn] = [
  BuiltIn(
    name: "export", usage: "export [NAME[=VALUE]...]", summary: "for commands to see",
    isSpecial: true
  ) { shell, words in
    declare(shell, words, "export", { $0.isExported }) { shell.export($0, $1) }
  },
  BuiltIn(
    name: "readonly", usage: "readonly [NAME[=VALUE]...]", summary: "never to change",
    isSpecial: true
  ) { shell, words in
    declare(shell, words, "readonly", { $0.isReadOnly }) { name, value in
      if let value { shell.assign(value, to: name) }
      if shell.variables[name] == nil { _ = shell.variables.set(name, to: nil) }
      shell.variables.protect(name)
    }
  },
  BuiltIn(name: "local", usage: "local NAME[=VALUE]...", summary: "for this function alone") {
    shell, words in
    guard shell.returnDepth > 0 else {
      complain("local: not in a function")
      return 1
    }
    return declare(shell, words, "local", { _ in false }) { name, value in
      _ = shell.variables.makeLocal(name)
      if let value { shell.assign(value, to: name) }
    }
  },
  BuiltIn(
    name: "unset", usage: "unset [-fv] NAME...", summary: "forgets variables and functions",
    isSpecial: true
  ) { shell, words in
    let only = words.count > 1 && (words[1].equals("-f") || words[1].equals("-v")) ? words[1][1] : 0
    var code: Int32 = 0
    for word in words.dropFirst(only == 0 ? 1 : 2) {
      if only != UInt8(ascii: "v") { shell.functions.removeAll { $0.name == word } }
      if only != UInt8(ascii: "f"), !shell.variables.remove(word) {
        complain("unset: \(text: word): must not change")
        code = 1
      }
    }
    return code
  },
  BuiltIn(
    name: "read", usage: "read [-r] [-p PROMPT] [NAME...]",
    summary: "a line of input into variables", run: Reading.run),
  BuiltIn(name: "shift", usage: "shift [N]", summary: "drops the first arguments", isSpecial: true)
  { shell, words in
    guard let count = words.count > 1 ? words[1].decimal : 1 else { return BuiltIn.misused }
    guard count <= UInt64(shell.arguments.count) else {
      complain("shift: there are only \(shell.arguments.count)")
      return 1
    }
    shell.arguments.removeFirst(Int(count))
    return 0
  },
  BuiltIn(
    name: "getopts", usage: "getopts LETTERS NAME [WORDS]", summary: "the next option of a script",
    run: getopts),
  BuiltIn(
    name: "umask", usage: "umask [OCTAL]", summary: "permissions that new files do not get"
  ) { _, words in
    guard words.count > 1 else {
      let old = Call.umask(0)
      guard case .success(let bits) = old else { return 1 }
      _ = Call.umask(UInt32(bits))
      let (output, _) = PrintFormat.text([UInt8](text: "%04o\\n"), [[UInt8](decimal: bits)])
      say(bytes: output)
      return 0
    }
    guard words[1].allSatisfy({ $0 >= 0x30 && $0 < 0x38 }), words[1].count <= 4 else {
      return BuiltIn.misused
    }
    return Call.umask(words[1].reduce(0) { $0 * 8 + UInt32($1 - 0x30) }).isSuccess ? 0 : 1
  },
]

/// `NAME`, `NAME=VALUE`, or without any a list of those that are so already.
private func declare(
  _ shell: Shell, _ words: [[UInt8]], _ command: StaticString, _ isListed: (Variable) -> Bool,
  _ change: ([UInt8], [UInt8]?) -> Void
) -> Int32 {
  var rest = words.dropFirst()
  if rest.first?.equals("-p") ?? false { rest = rest.dropFirst() }
  if rest.isEmpty {
    for variable in shell.variables.all where isListed(variable) {
      say("\(command) ")
      say(bytes: variable.name + (variable.value.map { [0x3d] + quoted($0) } ?? []) + [0x0a])
    }
    return 0
  }
  for word in rest {
    let sign = word.firstIndex(of: 0x3d)
    let name = Array(word[..<(sign ?? word.count)])
    guard ShellName.isValid(name) else {
      complain("\(command): \(text: name): not a name")
      return 2
    }
    change(name, sign.map { Array(word[($0 + 1)...]) })
  }
  return 0
}

enum Reading {
  static func run(_ shell: Shell, _ words: [[UInt8]]) -> Int32 {
    var names = Array(words.dropFirst())
    var isRaw = false
    while let word = names.first, word.first == 0x2d, word.count > 1 {
      names.removeFirst()
      if word.equals("--") { break }
      if word.equals("-r") {
        isRaw = true
      } else if word.equals("-p"), let prompt = names.first {
        names.removeFirst()
        Output.flush()
        _ = prompt.withUnsafeBytes { Descriptor.error.write(all: $0) }
      } else {
        return BuiltIn.misused
      }
    }
    guard names.allSatisfy({ ShellName.isValid($0) }) else { return BuiltIn.misused }
    guard let (line, sawEnd) = line(isRaw) else { return 1 }
    split(line, into: names.isEmpty ? [[UInt8](text: "REPLY")] : names, shell)
    return sawEnd ? 1 : 0
  }

  /// Byte by byte: what follows the line belongs to the next command.
  ///
  /// A backslash takes the meaning of
  /// the byte behind it, which is marked.
  private static func line(_ isRaw: Bool) -> (bytes: [(byte: UInt8, isQuoted: Bool)], Bool)? {
    Output.flush()
    var line: [(byte: UInt8, isQuoted: Bool)] = []
    var isQuoted = false
    while true {
      do throws(SystemError) {
        guard let byte = try Descriptor.input.read(limit: 1).first else { return (line, true) }
        if isQuoted {
          if byte != 0x0a { line.append((byte, true)) }
          isQuoted = false
        } else if byte == 0x5c, !isRaw {
          isQuoted = true
        } else if byte == 0x0a {
          return (line, false)
        } else {
          line.append((byte, false))
        }
      } catch {
        return nil
      }
    }
  }

  /// The first words into the first names, all that is left into the last.
  private static func split(
    _ line: [(byte: UInt8, isQuoted: Bool)], into names: [[UInt8]], _ shell: Shell
  ) {
    let separators = shell.value(of: [UInt8](text: "IFS")) ?? [0x20, 0x09, 0x0a]
    func separates(_ at: Int) -> Bool {
      !line[at].isQuoted && separators.contains(line[at].byte)
    }
    func isBlank(_ at: Int) -> Bool { separates(at) && line[at].byte.isBlank }
    var at = 0
    var end = line.count
    while at < end, isBlank(at) { at += 1 }
    for (index, name) in names.enumerated() {
      var word: [UInt8] = []
      if index == names.count - 1 {
        while end > at, isBlank(end - 1) { end -= 1 }
        word = line[at..<end].map { $0.byte }
      } else {
        while at < end, !separates(at) {
          word.append(line[at].byte)
          at += 1
        }
        while at < end, isBlank(at) { at += 1 }
        if at < end, separates(at) { at += 1 }
        while at < end, isBlank(at) { at += 1 }
      }
      shell.assign(word, to: name)
    }
  }
}

/// POSIX.1, "getopts": OPTIND is the next word; where in a word of several letters it is, the shell
/// remembers in a variable of its own.
private func getopts(_ shell: Shell, _ words: [[UInt8]]) -> Int32 {
  guard words.count > 2, ShellName.isValid(words[2]) else { return BuiltIn.misused }
  let place = [UInt8](text: "OPTIND")
  let inside = [UInt8](text: "_OPTLETTER")
  let argument = [UInt8](text: "OPTARG")
  let known = words[1]
  let isSilent = known.first == 0x3a
  let all = words.count > 3 ? Array(words.dropFirst(3)) : shell.arguments
  var index = max(1, shell.value(of: place)?.signedDecimal ?? 1)
  var letter = shell.value(of: inside)?.signedDecimal ?? 1
  defer {
    shell.assign([UInt8](decimal: UInt64(index)), to: place)
    shell.assign([UInt8](decimal: UInt64(letter)), to: inside)
  }
  guard index <= all.count, all[index - 1].count > 1, all[index - 1][0] == 0x2d,
    !all[index - 1].equals("--")
  else {
    if index <= all.count, all[index - 1].equals("--") { index += 1 }
    letter = 1
    shell.assign([0x3f], to: words[2])
    return 1
  }
  let word = all[index - 1]
  let option = word[min(letter, word.count - 1)]
  letter += 1
  let isLast = letter >= word.count
  let at = option == 0x3a ? nil : known.firstIndex(of: option)
  var result = option
  _ = shell.variables.remove(argument)
  if let at, at + 1 < known.count, known[at + 1] == 0x3a {
    if !isLast {
      shell.assign(Array(word[letter...]), to: argument)
    } else if index < all.count {
      index += 1
      shell.assign(all[index - 1], to: argument)
    } else {
      result = isSilent ? 0x3a : 0x3f
      if isSilent {
        shell.assign([option], to: argument)
      } else {
        complain("-\(text: [option]): an argument is missing")
      }
    }
    index += 1
    letter = 1
  } else {
    if at == nil {
      result = 0x3f
      if isSilent {
        shell.assign([option], to: argument)
      } else {
        complain("-\(text: [option]): no such option")
      }
    }
    if isLast {
      index += 1
      letter = 1
    }
  }
  shell.assign([result], to: words[2])
  return 0
}

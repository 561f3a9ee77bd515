/// What `set -e`, `sh -x` and their like turn on, by letter and by name.
import Apus

struct ShellOption {
  let letter: Unicode.Scalar
  let name: StaticString
  let get: (Shell) -> Bool
  let set: (Shell, Bool) -> Void

  static let all: [ShellOption] = [
    ShellOption(
      letter: "a", name: "allexport", get: { $0.variables.exportsAll },
      set: { $0.variables.exportsAll = $1 }),
    ShellOption(
      letter: "C", name: "noclobber", get: { $0.keepsFiles }, set: { $0.keepsFiles = $1 }),
    ShellOption(
      letter: "e", name: "errexit", get: { $0.endsOnFailure }, set: { $0.endsOnFailure = $1 }),
    ShellOption(
      letter: "f", name: "noglob", get: { $0.ignoresPatterns }, set: { $0.ignoresPatterns = $1 }),
    ShellOption(letter: "n", name: "noexec", get: { $0.onlyParses }, set: { $0.onlyParses = $1 }),
    ShellOption(
      letter: "u", name: "nounset", get: { $0.refusesUnset }, set: { $0.refusesUnset = $1 }),
    ShellOption(
      letter: "x", name: "xtrace", get: { $0.echoesCommands }, set: { $0.echoesCommands = $1 }),
  ]

  /// What `$-` is.
  static func letters(of shell: Shell) -> [UInt8] {
    var letters: [UInt8] = []
    for option in all where option.get(shell) { letters.append(UInt8(ascii: option.letter)) }
    if shell.isInteractive { letters += [UInt8](text: "im") }
    return letters
  }

  /// Takes the options at the beginning of the words away; false after saying which one is none.
  ///
  /// `others` are letters that mean something to the caller; they are left in `found`.
  static func take(
    _ words: inout [[UInt8]], _ shell: Shell, others: StaticString = "", found: inout [UInt8]
  ) -> Bool {
    while let word = words.first, word.count > 1, word[0] == 0x2d || word[0] == 0x2b {
      words.removeFirst()
      if word.equals("--") {
        found.append(0x2d)
        return true
      }
      let isOn = word[0] == 0x2d
      for letter in word.dropFirst() {
        if letter == UInt8(ascii: "o") {
          guard let name = words.first else {
            list(shell)
            continue
          }
          words.removeFirst()
          guard let option = all.first(where: { name.equals($0.name) }) else {
            return refuse(name)
          }
          option.set(shell, isOn)
        } else if let option = all.first(where: { UInt8(ascii: $0.letter) == letter }) {
          option.set(shell, isOn)
        } else if [UInt8](text: others).contains(letter) {
          found.append(letter)
        } else {
          return refuse([word[0], letter])
        }
      }
    }
    return true
  }

  private static func refuse(_ name: [UInt8]) -> Bool {
    complain("\(text: name): no such option")
    return false
  }

  private static func list(_ shell: Shell) {
    for option in all {
      say("\(option.name, padded: 12)\(option.get(shell) ? "on" as StaticString : "off")\n")
    }
  }

  static let builtIn = BuiltIn(
    name: "set", usage: "set [-aCefnux] [-o NAME] [ARGUMENTS]",
    summary: "shows variables, sets $1...", isSpecial: true
  ) { shell, words in
    guard words.count > 1 else {
      for variable in shell.variables.all.sorted(by: { $0.name.precedes($1.name) }) {
        guard let value = variable.value else { continue }
        say(bytes: variable.name + [0x3d] + quoted(value) + [0x0a])
      }
      return 0
    }
    var rest = Array(words.dropFirst())
    var found: [UInt8] = []
    guard take(&rest, shell, found: &found) else { return 2 }
    if !rest.isEmpty || !found.isEmpty { shell.arguments = rest }
    return 0
  }
}

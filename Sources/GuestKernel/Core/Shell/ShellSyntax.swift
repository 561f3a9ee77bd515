/// What a script means, as a tree: the result of parsing, and all that the shell runs from.
///
/// POSIX.1, "Shell Command Language".
package struct ShellWord: Equatable {
  package enum Part: Equatable {
    case literal([UInt8], isQuoted: Bool)
    case parameter(ShellParameter, isQuoted: Bool)
    /// `$(...)` or backquotes: the text inside is a script of its own.
    case command([UInt8], isQuoted: Bool)
    /// `$((...))`
    case arithmetic([UInt8])
  }
  package var parts: [Part] = []

  package init(parts: [Part] = []) { self.parts = parts }

  /// The word when it is one piece of unquoted text, as every reserved word is.
  package var plain: [UInt8]? {
    guard parts.count == 1, case .literal(let bytes, isQuoted: false) = parts[0] else { return nil }
    return bytes
  }
}

/// `$name` or `${name OPERATOR word}`.
package struct ShellParameter: Equatable {
  package enum Operation: Equatable {
    case value
    /// `${#name}`
    case length
    /// `-`: the word instead of nothing.
    case fallback
    /// `=`: the same, and the variable keeps it.
    case assignment
    /// `+`: the word instead of something.
    case replacement
    /// `?`: the word as a complaint when there is nothing.
    case complaint
    /// `#` and `##`: without the shortest or longest beginning that matches.
    case withoutPrefix(isLongest: Bool)
    /// `%` and `%%`: without the shortest or longest end that matches.
    case withoutSuffix(isLongest: Bool)
  }
  package var name: [UInt8]
  package var operation = Operation.value
  /// A colon stood before the operator: an empty value counts as none.
  package var emptyIsUnset = false
  /// The text after the operator, still to be expanded.
  package var word: [UInt8] = []
}

package struct ShellRedirection: Equatable {
  package enum Kind: Equatable {
    case input
    case output
    case append
    /// `<>`
    case readWrite
    /// `>&` and `<&`: the word is a descriptor's number, or `-`.
    case duplicate
    /// `<<`: the text itself, or with `$` in it still to be expanded.
    case document(ShellWord)
  }
  package var descriptor: Int
  package var kind: Kind
  package var target: ShellWord
}

package struct ShellAssignment: Equatable {
  package var name: [UInt8]
  package var value: ShellWord
}

package struct ShellSimpleCommand {
  package var assignments: [ShellAssignment] = []
  package var words: [ShellWord] = []
  package var redirections: [ShellRedirection] = []
}

/// One command: a simple one, or one that contains lists.
package indirect enum ShellCommand {
  case simple(ShellSimpleCommand)
  /// `{ LIST; }`
  case group(ShellList, [ShellRedirection])
  /// `( LIST )`
  case subshell(ShellList, [ShellRedirection])
  /// `if`, each `elif`, and `else`.
  case conditional([ShellBranch], otherwise: ShellList?, [ShellRedirection])
  /// `while`, or `until` when it ends on success.
  case loop(condition: ShellList, body: ShellList, isUntil: Bool, [ShellRedirection])
  /// `for name in WORDS`; without `in`, over the arguments.
  case iteration(name: [UInt8], words: [ShellWord]?, body: ShellList, [ShellRedirection])
  case selection(ShellWord, [ShellCase], [ShellRedirection])
  case function(name: [UInt8], body: ShellCommand)
}

package struct ShellBranch {
  package var condition: ShellList
  package var body: ShellList
}

package struct ShellCase {
  package var patterns: [ShellWord]
  package var body: ShellList
}

/// Commands whose output is the next one's input.
package struct ShellPipeline {
  package var commands: [ShellCommand] = []
  /// `!` stands before it: success and failure change places.
  package var isNegated = false
}

/// Pipelines joined by `&&` and `||`, ended by `;`, `&` or the line's end.
package struct ShellSequence {
  package enum Connector {
    case first
    case and
    case or
  }
  package var pipelines: [(connector: Connector, pipeline: ShellPipeline)] = []
  package var isInBackground = false
  /// As it was written, for `jobs`.
  package var text: [UInt8] = []
}

package struct ShellList {
  package var sequences: [ShellSequence]
  package init(sequences: [ShellSequence] = []) { self.sequences = sequences }
  package var isEmpty: Bool { sequences.isEmpty }
}

/// Why a text is not a script.
package enum ShellSyntaxError: Error, Equatable {
  /// More lines may make it one: a quote, a bracket or a compound command is open.
  case incomplete
  case unexpected([UInt8])
  case missing(StaticName)
  /// Too many commands inside of each other.
  case tooDeep
  /// `${name?word}`, or `set -u`: a variable has no value.
  case unset([UInt8], [UInt8])

  /// What is missing, as a name that can be compared.
  package enum StaticName: Equatable {
    case command
    case word
    case name

    package var text: StaticString {
      switch self {
      case .command: "a command"
      case .word: "a word"
      case .name: "a name"
      }
    }
  }

  package var message: TextLine {
    switch self {
    case .incomplete: "the text ends too early: a quote or a command is open"
    case .unexpected(let token): "\(text: token) is not expected here"
    case .missing(let what): "\(what.text) is missing"
    case .tooDeep: "nested too deeply"
    case .unset(let name, let message):
      message.isEmpty ? "\(text: name): has no value" : "\(text: name): \(text: message)"
    }
  }
}

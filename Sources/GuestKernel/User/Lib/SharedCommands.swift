/// Commands that the shell has built in and that are programs as well: `echo`, `printf`, `test`, and how
/// `kill` reads its options.
package enum SharedCommands {
  /// -n: no newline at the end; -e: `\n` and the like mean something.
  package static func echo(_ words: [[UInt8]]) -> Int32 {
    var rest = words.dropFirst()
    var endsLine = true
    var hasEscapes = false
    while let word = rest.first, word.count > 1, word[0] == 0x2d,
      word.dropFirst().allSatisfy({ $0 == UInt8(ascii: "n") || $0 == UInt8(ascii: "e") })
    {
      if word.contains(UInt8(ascii: "n")) { endsLine = false }
      if word.contains(UInt8(ascii: "e")) { hasEscapes = true }
      rest = rest.dropFirst()
    }
    var text = Array(rest.joined(separator: [0x20]))
    if hasEscapes {
      let (bytes, isOver) = PrintFormat.unescaped(text)
      text = bytes
      if isOver { endsLine = false }
    }
    say(bytes: endsLine ? text + [0x0a] : text)
    return 0
  }

  /// Nil without a format.
  package static func printf(_ words: [[UInt8]]) -> Int32? {
    let rest = words.dropFirst(words.count > 1 && words[1].equals("--") ? 2 : 1)
    guard let format = rest.first else { return nil }
    let (output, bad) = PrintFormat.text(format, Array(rest.dropFirst()))
    say(bytes: output)
    guard let bad else { return 0 }
    complain("printf: \(text: bad): not a number")
    return 1
  }

  /// `test` and `[`.
  package static func test(_ words: [[UInt8]]) -> Int32 {
    var rest = Array(words.dropFirst())
    if words[0].lastPathPart.equals("[") {
      guard let last = rest.popLast(), last.equals("]") else {
        complain("[: ] is missing")
        return 2
      }
    }
    return TestExpression.evaluate(rest)
  }
}

extension Signal {
  /// Takes `-9`, `-KILL`, `-s KILL` or `-l` away; nil after saying that there is no such signal.
  package static func option(_ words: inout [[UInt8]]) -> (signal: Signal, isList: Bool)? {
    guard let first = words.first, first.count > 1, first[0] == 0x2d else {
      return (.terminate, false)
    }
    words.removeFirst()
    if first.equals("--") { return (.terminate, false) }
    if first.equals("-l") { return (.terminate, true) }
    var name = Array(first.dropFirst())
    if name.equals("s"), let next = words.first {
      name = next
      words.removeFirst()
    }
    if let signal = Signal(named: name) { return (signal, false) }
    complain("kill: \(text: name): no such signal")
    return nil
  }

  /// All names, or that of each number; 128 and a number is how the shell says that it killed.
  package static func list(_ numbers: [[UInt8]]) -> Int32 {
    for word in numbers {
      guard let number = word.decimal, number & 127 < 65 else {
        complain("kill: \(text: word): no such signal")
        return 1
      }
      say("\(Signal(Int32(number & 127)).name)\n")
    }
    if !numbers.isEmpty { return 0 }
    for (number, name) in Signal.names { say("\(number, width: 2) \(name)\n") }
    return 0
  }
}

/// What a demonstration inside the kernel speaks with.
///
/// A demonstration tells the reader, line by line, what it does and what that shows, and checks what it
/// claims. It must print the same bytes each time: counts and names, not addresses and times.
enum Demo {
  /// One line of the story.
  static func say(_ line: TextLine) {
    Console.write("  \(line)\n")
  }

  /// Tries an experiment up to four times: where the machine's processors are shared with others, as in
  /// QEMU on a busy host, time is not what it seems.
  static func attempt(_ experiment: () -> Bool) -> Bool {
    for _ in 0..<4 where experiment() { return true }
    return false
  }

  /// Says what must be true here, and whether it is; hands `condition` back.
  static func check(_ condition: Bool, _ claim: TextLine) -> Bool {
    Console.write("  \(condition ? "yes: " as StaticString : "NO:  ")\(claim)\n")
    return condition
  }
}

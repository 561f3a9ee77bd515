/// What a demonstration inside the kernel speaks with.
///
/// A demonstration tells the reader, line by line, what it does and what that shows, and checks what it
/// claims. It must print the same bytes each time: counts and names, not addresses and times.
enum Demo {
  /// One line of the story.
  static func say(_ line: TextLine) {
    Console.write("  \(line)\n")
  }

  /// Says what must be true here, and whether it is; hands `condition` back.
  static func check(_ condition: Bool, _ claim: TextLine) -> Bool {
    Console.write("  \(condition ? "yes: " as StaticString : "NO:  ")\(claim)\n")
    return condition
  }
}

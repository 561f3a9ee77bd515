import Testing

/// GDB with symbols and line numbers, forwards and backwards.
@Suite(
  .enabled(if: RealGDB.isInstalled, "gdb is not installed"),
  .enabled(if: CompiledGuest.hasCompiler, "clang and ld.lld are not installed"), .serialized)
struct SourceLevelTests {
  private func run(_ lines: String) throws -> String {
    let guest = try RealGDB(CompiledGuest.compiled())
    try guest.file("guest.c", Array(CompiledGuest.source.utf8))
    return try guest.run(lines, before: "file guest.elf")
  }

  private func expect(
    _ texts: [String], in output: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var rest = output[...]
    for text in texts {
      guard let place = rest.firstRange(of: text) else {
        Issue.record("\(text) is not in:\n\(output)", sourceLocation: sourceLocation)
        return
      }
      rest = rest[place.upperBound...]
    }
  }

  @Test func forwards() throws {
    let output = try run(
      """
      break work if n == 50
      continue
      backtrace
      p counter
      finish
      next
      step
      p n
      delete
      watch watched
      continue
      p watched
      delete
      tbreak work
      continue
      up
      p i
      print work(1000)
      compare-sections
      """)
    expect(
      [
        "Breakpoint 1, work (n=50)", "#0  work (n=50)", "#1", "in start ()", "$1 = 1225",
        "Value returned is $2 = 1275", "fill (", "$3 = 50",
        "Old value = 50", "New value = 51", "$4 = 51", "Temporary breakpoint", "work (n=52)",
        "start ()", "$5 = 52", "= 2326", ".text", "matched",
      ], in: output)
  }

  @Test func backwards() throws {
    let output = try run(
      """
      break work if n == 50
      continue
      delete
      next
      next
      reverse-next
      reverse-next
      p watched
      reverse-finish
      reverse-stepi
      stepi
      tbreak fill
      reverse-continue
      p n
      watch counter
      reverse-continue
      p counter
      continue
      delete
      break work if n == 3
      reverse-continue
      backtrace
      reverse-step
      delete
      reverse-continue
      p/x $rip
      """)
    expect(
      [
        "Breakpoint 1, work (n=50)", "$1 = 49", "Temporary breakpoint",
        "fill (n=49)", "$2 = 49", "Old value = 1225", "New value = 1176", "$3 = 1176",
        "Breakpoint", "work (n=3)", "#1", "start ()", "No more reverse-execution history",
        "= 0x400040",
      ], in: output)
  }

  @Test func repeatedStringsAreSteppedByIteration() throws {
    let output = try run(
      """
      break fill if n == 7
      continue
      tbreak *(long) &repeat
      continue
      p $rcx
      stepi
      stepi
      p $rcx
      x/i $pc
      p/x buffer[1]
      p/x buffer[2]
      reverse-stepi
      p $rcx
      next
      p/x buffer[63]
      """)
    expect(
      [
        "fill (n=7)", "$1 = 64", "$2 = 62", "rep stos", "$3 = 0x7", "$4 = 0x6", "$5 = 63",
        "$6 = 0x7",
      ], in: output)
  }
}

/// `fork`: one process calls, two return; each has the whole memory, and writes only to its own.
import Apus

enum ForkDemo {
  nonisolated(unsafe) private static var counter: UInt64 = 1

  static func run() -> Bool {
    Demo.say("fork() answers twice: with the child's number in the parent, with 0 in the child.")
    var passed = separateMemory()
    passed = copyOnWrite() && passed
    passed = tree() && passed
    return manyAtOnce() && passed
  }

  /// The child changes a variable; the parent's stays.
  private static func separateMemory() -> Bool {
    counter = 1
    let pid = Child.start {
      counter += 41
      return Int32(counter)
    }
    let code = Child.code(pid)
    Demo.say("The child added 41 to a variable and exited with its value.")
    let isAlone = Demo.check(code == 42, "the child saw 42")
    return Demo.check(counter == 1, "the parent's variable is still 1") && isAlone
  }

  /// Pages are copied when they are written to, and only those.
  private static func copyOnWrite() -> Bool {
    let pages: UInt64 = 64
    guard let at = try? Memory.map(size: pages * 4096) else { return false }
    for page in 0..<pages { Memory.words(at + page * 4096)[0] = page }
    let code = Child.code(
      Child.start {
        let before = copies()
        for page in 0..<8 as Range<UInt64> { Memory.words(at + page * 4096)[1] = 1 }
        return Int32(truncatingIfNeeded: copies() - before)
      })
    Memory.unmap(at, size: pages * 4096)
    Demo.say(
      "64 pages are written, then a child writes to 8 of them; /proc/self/status counts copies.")
    // Each look at the file writes to a page or two of the child's own heap and stack.
    return Demo.check(
      (code ?? 0) >= 8 && (code ?? 99) < 16, "8 of the 64 were copied, and hardly another")
  }

  private static func copies() -> UInt64 {
    guard let file = try? Descriptor.open([UInt8](text: "/proc/self/status")),
      let text = try? file.read(limit: 2048)
    else { return 0 }
    try? file.close()
    for line in text.split(separator: 0x0a) where Array(line).starts(with: "Copies:") {
      return Array(line.drop { $0 < 0x30 || $0 > 0x39 }).decimal ?? 0
    }
    return 0
  }

  /// Three generations; each exits with one more than its child.
  private static func tree() -> Bool {
    let code = Child.code(Child.start { generation(4) })
    Demo.say(
      "A process forked one that forked one, four deep; each exits with its child's code + 1.")
    return Demo.check(code == 4, "the eldest exited with 4")
  }

  private static func generation(_ left: Int) -> Int32 {
    if left == 0 { return 0 }
    guard let code = Child.code(Child.start { generation(left - 1) }) else { return 99 }
    return code + 1
  }

  private static func manyAtOnce() -> Bool {
    var pids: [Int32] = []
    for index in 0..<16 as Range<Int32> { pids.append(Child.start { index }) }
    var sum: Int32 = 0
    for pid in pids { sum += Child.code(pid) ?? 1000 }
    Demo.say("Sixteen children at once exited with 0 to 15.")
    return Demo.check(sum == 120, "their codes add up to 120")
  }
}

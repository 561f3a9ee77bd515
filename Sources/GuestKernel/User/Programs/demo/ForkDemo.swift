/// `fork`: one process calls, two return; each has the whole memory, and writes only to its own.
import Apus

enum ForkDemo {
  nonisolated(unsafe) private static var counter: UInt64 = 1

  static func run() -> Bool {
    Demo.say("fork() answers twice: with the child's number in the parent, with 0 in the child.")
    var passed = separateMemory()
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

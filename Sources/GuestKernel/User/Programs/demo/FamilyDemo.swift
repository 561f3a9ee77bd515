/// Zombies and orphans: a process that has ended stays until its parent has asked, and a process whose
/// parent has ended gets another.
import Apus

enum FamilyDemo {
  static func run() -> Bool {
    Demo.say("A child ends at once; its parent does not ask yet.")
    let pid = Child.start { 7 }
    var record = [Int32](repeating: 0, count: 12)
    Call.waitid(1, pid, &record, 4 | 0x0100_0000, nil)  // WEXITED, WNOWAIT: looks, does not take
    var passed = Demo.check(record[3] == pid && record[4] == 7, "it is a zombie with code 7")
    passed = Demo.check(isThere(pid), "its number is still taken: kill(pid, 0) succeeds") && passed
    passed = Demo.check(Child.code(pid) == 7, "wait4 takes it away") && passed
    passed = Demo.check(!isThere(pid), "now there is no such process") && passed
    return orphan() && passed
  }

  private static func isThere(_ pid: Int32) -> Bool {
    if case .success = Call.kill(pid, 0) { return true }
    return false
  }

  private static var parentID: Int32 { Child.number(Call.getppid()) }

  /// The grandchild outlives its parent.
  private static func orphan() -> Bool {
    Demo.say(
      "A child forks a grandchild and ends; the grandchild asks for its parent until it changes.")
    let pid = Child.start {
      let parent = Child.number(Call.getpid())
      let grandchild = Child.start {
        while parentID == parent { Call.sched_yield() }
        return parentID == 1 ? 0 : 1
      }
      return grandchild > 0 ? 5 : 6
    }
    let hasEnded = Demo.check(Child.code(pid) == 5, "the child has ended")
    var record = [Int32](repeating: 0, count: 12)
    let answer = Call.waitid(0, 0, &record, 4 | 1, nil)
    var isNotOurs = false
    if case .failure(.noChild) = answer { isNotOurs = true }
    return Demo.check(isNotOurs, "the grandchild is not ours to wait for: init has adopted it")
      && hasEnded
  }
}

/// What /proc tells about scheduling.
import KernelArch

enum SchedulingFiles {
  static func start() {
    Announcement.start()
    ProcFS.add("sched") { writeQueues(to: &$0) }
    ProcFS.add("schedstat") { writeStatistics(to: &$0) }
    ProcFS.add("sched_trace", write: ScheduleTrace.control) { ScheduleTrace.write(to: &$0) }
    ProcFS.add("stacks") { KernelStacks.write(to: &$0) }
    ProcFS.add("groups", write: GroupControl.write) { GroupControl.read(to: &$0) }
  }

  /// A line per processor, then a line per thread.
  private static func writeQueues(to text: inout Text) {
    for queue in RunQueue.all {
      text.append(
        "cpu\(queue.cpu): \(queue.load) ready, running \(queue.running.id) \(text: queue.running.name), \(queue.switches) switches, \(queue.wakeups) wake-ups, \(queue.migrations) came, idle \(queue.idleTime / 1_000_000) ms\n"
      )
    }
    text.append("deadlines promised: \(Deadlines.permille) of 1000 per processor\n\n")
    text.append(
      "  TID CPU POLICY   PRIO NICE    RUN ms   WAIT ms  MAX us   TURNS  WAITED PREEMPT  MIGR NAME\n"
    )
    for thread in Scheduler.threads where thread.id != 0 { writeThread(thread, to: &text) }
  }

  private static func writeThread(_ thread: Thread, to text: inout Text) {
    let entity = thread.entity.pointee
    var line: TextLine = "\(thread.id, width: 5) \(thread.cpu, width: 3) "
    line.append(entity.policy.name)
    line.pad(to: 18)
    line.append(line: "\(entity.priority, width: 4) ")
    if entity.nice < 0 {
      line.append(line: " \(entity.nice)")
      line.pad(to: 27)
    } else {
      line.append(line: "\(entity.nice, width: 4)")
    }
    line.append(line: " \(entity.runTime / 1_000_000, width: 9)")
    line.append(line: " \(entity.waitTime / 1_000_000, width: 9)")
    line.append(line: " \(entity.longestWait / 1000, width: 7)")
    line.append(line: " \(entity.turns, width: 7) \(thread.waits, width: 7)")
    line.append(line: " \(thread.preemptions, width: 7) \(thread.migrations, width: 5) ")
    line.append(line: "\(text: thread.name)")
    text.append("\(line)\n")
  }

  /// cpu, switches, wake-ups, migrations, balances, idle ns; one line per processor.
  private static func writeStatistics(to text: inout Text) {
    text.append("version 1\ntimestamp \(Clock.ticks)\n")
    for queue in RunQueue.all {
      text.append(
        "cpu\(queue.cpu) \(queue.switches) \(queue.wakeups) \(queue.migrations) \(queue.balances) \(queue.idleTime)\n"
      )
    }
  }
}

/// `/proc/groups`: shows the groups; a line written to it makes or changes one.
///
/// `NAME shares N`, `NAME quota MICROSECONDS PERIOD`, `NAME memory BYTES`, `NAME add TID`.
enum GroupControl {
  static func read(to text: inout Text) {
    for group in SchedulingGroups.all {
      var line = TextLine()
      line.append(bytes: group.name)
      line.append(line: " shares \(group.shares)")
      if let limit = group.quotaAndPeriod {
        line.append(line: " quota \(limit.quota / 1000) of \(limit.period / 1000) us")
      }
      line.append(line: " run \(group.runTime / 1_000_000) ms, stopped \(group.throttles) times")
      text.append("\(line)\n")
    }
  }

  static func write(_ bytes: [UInt8]) -> SystemError? {
    let words = Words.split(bytes.filter { $0 != 0x0a })
    guard words.count >= 3, let value = number(words[2]) else { return .invalidArgument }
    let group = SchedulingGroups.make(words[0])
    if words[1].equals("shares") {
      group.setShares(value)
    } else if words[1].equals("memory") {
      group.memoryLimit = value == 0 ? .max : value
    } else if words[1].equals("quota") {
      let period = words.count > 3 ? number(words[3]) ?? 100_000 : 100_000
      guard period >= 1000, period <= 1_000_000 else { return .invalidArgument }
      group.setQuota(value == 0 ? nil : value * 1000, period: period * 1000)
    } else if words[1].equals("add") {
      for thread in Scheduler.threads where thread.id == Int(value) && value != 0 {
        thread.setGroup(group)
        return nil
      }
      return .noSuchProcess
    } else {
      return .invalidArgument
    }
    return nil
  }

  private static func number(_ word: [UInt8]) -> UInt64? {
    var value: UInt64 = 0
    for byte in word {
      guard byte >= 0x30, byte <= 0x39, value < 1 << 58 else { return nil }
      value = value * 10 + UInt64(byte - 0x30)
    }
    return word.isEmpty ? nil : value
  }
}

/// How many there can be at once: threads of one process, or processes, each of which only sleeps, until a
/// thirty-second part of memory is left.
///
/// Further would be possible, but then reclaim and swap would be what is measured. Each is for a fresh boot,
/// since the kernel keeps the stacks of threads that have ended for the next ones. A child counts, in a group
/// of its own, and passes the number by a pipe.
import Apus
import UserSystem

enum Crowd {
  static func countThreads() { Cost.show("threads of one process", counted(threads)) }
  static func countProcesses() { Cost.show("processes", counted(processes)) }

  private static func counted(_ count: () -> UInt64) -> UInt64 {
    guard let pipe = try? Descriptor.pipe() else { return 0 }
    var total: UInt64 = 0
    let pid = Cost.child {
      var total = count()
      _ = withUnsafeBytes(of: &total) { Call.write(pipe.writing.rawValue, $0.baseAddress, 8) }
      System.exitNow(0)
    }
    try? pipe.writing.close()
    _ = withUnsafeMutableBytes(of: &total) { Call.read(pipe.reading.rawValue, $0.baseAddress, 8) }
    try? pipe.reading.close()
    Cost.wait(pid)
    return total
  }

  private static func isMemoryLeft() -> Bool {
    let memory = System.memory()
    return memory.free > memory.usable / 32
  }

  private static func threads() -> UInt64 {
    var count: UInt64 = 0
    while isMemoryLeft() {
      guard (try? Thread({ while true { _ = Call.pause() } })) != nil else { break }
      count += 1
    }
    return count
  }

  private static func processes() -> UInt64 {
    var pids: [Int32] = []
    while isMemoryLeft() {
      guard let pid = try? Process.fork() else { break }
      if pid == 0 { while true { _ = Call.pause() } }
      pids.append(pid)
    }
    for pid in pids { _ = Call.kill(pid, Signal.kill.rawValue) }
    for pid in pids { Cost.wait(pid) }
    return UInt64(pids.count)
  }
}

/// What a program may take without end: processes, threads, areas, pipes. Meanwhile the machine must
/// answer, and afterwards everything must be there again.
import Apus
import UserSystem

/// Runs `body` in a process that leads a job of its own, `meanwhile` here; then kills what is left of the
/// job, and returns how its leader has ended.
private func inJob(_ body: () -> Int32, meanwhile: () -> Void = {}) -> WaitStatus? {
  do throws(SystemError) {
    let leader = try Process.fork()
    if leader == 0 {
      _ = Call.setpgid(0, 0)
      System.exit(body())
    }
    _ = Call.setpgid(leader, leader)
    meanwhile()
    let status = try Process.wait(for: leader).status
    endJob(leader)
    return status
  } catch {
    return nil
  }
}

private func endJob(_ leader: Int32) {
  for _ in 0..<3000 {
    guard Call.kill(-leader, Signal.kill.rawValue).isSuccess else { return }
    Time.sleep(nanoseconds: 20_000_000)
  }
}

/// A new process can be had, or is refused with the right error.
private func expectAnswer(_ check: Check, _ when: TextLine) {
  do throws(SystemError) {
    let pid = try Process.fork()
    if pid == 0 { System.exitNow(7) }
    let status = try Process.wait(for: pid).status
    check.expect(status == .exited(code: 7), "a child \(when)")
  } catch {
    check.expect(
      error == .tryAgain || error == .outOfMemory, "fork \(when): \(error.symbol)")
  }
}

/// Fills pipes until there are no more descriptors, or no more memory, and keeps them.
private func hoardPipes() {
  let block = [UInt8](repeating: 1, count: 65536)
  while let pipe = try? Descriptor.pipe(.nonBlocking) {
    while Call.write(pipe.writing.rawValue, block, 65536).isSuccess {}
  }
  while true { Time.sleep(nanoseconds: 1_000_000_000) }
}

let exhaustionTests: [UserTest] = [
  UserTest(name: "fork-bomb", isSlow: true) { check in
    var most = 0
    let status = inJob {
      // Else this process would have its turn once in a thousand.
      _ = Call.setpriority(0, 0, 19)
      if let nowhere = try? Descriptor.open(literal("/dev/null"), .readWrite) {
        for descriptor in 0...2 as ClosedRange<Int32> {
          _ = Call.dup2(nowhere.rawValue, descriptor)
        }
      }
      _ = Process.executeFromPath([literal("sh"), literal("-c"), literal("y() { y | y & }; y")])
      return 1
    } meanwhile: {
      for round in 0..<600 where round < 5 || most < 50 {
        Time.sleep(nanoseconds: 100_000_000)
        most = max(most, System.processes().count)
        expectAnswer(check, "while the bomb goes off")
      }
    }
    check.expect(status == .exited(code: 0), "the first shell ends")
    check.expect(most >= 50, "\(most) processes at once")
    expectAnswer(check, "afterwards")
  },
  UserTest(name: "thread-storm", isSlow: true) { check in
    let status = inJob {
      var count = 0
      while count < 10_000 {
        do throws(SystemError) {
          _ = try Thread { while true { Time.sleep(nanoseconds: 10_000_000_000) } }
          count += 1
        } catch {
          return (error == .tryAgain || error == .outOfMemory) && count >= 50 ? 0 : 1
        }
      }
      return 2
    }
    check.expect(
      status == .exited(code: 0) || status == .killed(by: .kill), "EAGAIN, or the killer")
    expectAnswer(check, "afterwards")
  },
  UserTest(name: "areas-to-the-end", isSlow: true) { check in
    let status = inJob {
      var count: UInt64 = 0
      while count < 100_000 {
        let protection: Protection = count % 2 == 0 ? [.read] : [.read, .write]
        do throws(SystemError) {
          let base = try Memory.map(size: 4096, protection)
          if count % 1000 == 1 { Memory.words(base)[0] = count }
          count += 1
        } catch {
          return error == .outOfMemory && count >= 20_000 ? 0 : 1
        }
      }
      return 2
    }
    check.expect(
      status == .exited(code: 0) || status == .killed(by: .kill), "ENOMEM at the limit")
    expectAnswer(check, "afterwards")
  },
  UserTest(name: "areas-back", isSlow: true) { check in
    var lowest = UInt64.max
    var highest: UInt64 = 0
    for index in 0..<20_000 {
      guard let base = try? Memory.map(size: 4096, index % 2 == 0 ? [.read] : [.read, .write])
      else { return check.expect(false, "area \(index)") }
      lowest = min(lowest, base)
      highest = max(highest, base + 4096)
    }
    check.succeeds(Call.mprotect(lowest, highest - lowest, 1), "all of them made alike")
    check.succeeds(Call.munmap(lowest, highest - lowest), "and unmapped at once")
  },
  UserTest(name: "pipes-of-many", isSlow: true) { check in
    let status = inJob {
      var children: [Int32] = []
      for _ in 0..<40 {
        guard let pid = try? Process.fork() else { break }
        if pid == 0 { hoardPipes() }
        children.append(pid)
      }
      Time.sleep(nanoseconds: 1_000_000_000)
      for pid in children { _ = Call.kill(pid, Signal.kill.rawValue) }
      var ended = 0
      while (try? Process.wait()) != nil { ended += 1 }
      return ended == children.count && ended >= 10 ? 0 : 1
    } meanwhile: {
      for _ in 0..<5 {
        Time.sleep(nanoseconds: 100_000_000)
        expectAnswer(check, "while pipes fill")
      }
    }
    check.expect(status == .exited(code: 0), "all who fill pipes end")
    expectAnswer(check, "afterwards")
  },
]

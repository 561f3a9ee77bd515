/// Threads: one memory, several flows; futexes; what a thread's end does to the others.
import Apus
import UserSystem

nonisolated(unsafe) private var counter: UInt64 = 0

let threadTests: [UserTest] = [
  UserTest(name: "threads-mutex") { check in
    counter = 0
    let mutex = Mutex()
    var threads: [Thread] = []
    do throws(SystemError) {
      for _ in 0..<4 {
        threads.append(
          try Thread {
            for _ in 0..<500 { mutex.withLock { counter += 1 } }
          })
      }
    } catch {
      check.succeeds(.failure(error), "clone")
    }
    for thread in threads { thread.join() }
    check.expect(threads.isEmpty || counter == 2000, "\(counter) of 2000")
  },
  UserTest(name: "condition") { check in
    let mutex = Mutex()
    let condition = Condition()
    counter = 0
    do throws(SystemError) {
      let consumer = try Thread {
        mutex.lock()
        while counter < 100 { condition.wait(mutex) }
        counter = 1000
        mutex.unlock()
      }
      for _ in 0..<100 {
        mutex.withLock { counter += 1 }
        condition.signal()
      }
      consumer.join()
      check.expect(counter == 1000, "the waiter saw all of it")
    } catch {
      check.succeeds(.failure(error), "clone")
    }
  },
  UserTest(name: "futex-errors") { check in
    var word: UInt32 = 5
    let outcome = withUnsafeMutablePointer(to: &word) { Futex.wait($0, while: 6) }
    check.fails(outcome, .tryAgain, "the word is another")
    for address in [0x7000_0000, 0x7fff_8010_0000] as [UInt64] {
      check.fails(Call.futex(address, 0, 0, nil, 0, 0), .badAddress, "at \(hex: address)")
    }
    check.fails(Call.futex(3, 0, 0, nil, 0, 0), .invalidArgument, "not aligned")
  },
  UserTest(name: "exit-ends-threads") { check in
    let status = inChild {
      _ = try? Thread { while true { Time.sleep(nanoseconds: 1_000_000_000) } }
      _ = try? Thread { while true {} }
      Time.sleep(nanoseconds: 20_000_000)
      return 7
    }
    check.expect(status == .exited(code: 7), "exit_group ends all of them")
  },
  UserTest(name: "thread-name") { check in
    do throws(SystemError) {
      Thread.currentName = literal("a-name-of-sixteen")
      let comm = [UInt8]("/proc/\(Process.id)/comm" as TextLine)
      check.expect(
        try FileTree.contents(of: comm) == literal("a-name-of-sixte\n"), "15 bytes of it")
      check.expect(Thread.currentName == literal("a-name-of-sixte"), "and it is known")
      nonisolated(unsafe) var own: [UInt8] = []
      let thread = try Thread {
        own = Thread.currentName
        Thread.currentName = literal("second")
        own += Thread.currentName
      }
      thread.join()
      check.expect(own == literal("a-name-of-sixtesecond"), "inherited, then changed")
      check.expect(
        try FileTree.contents(of: comm) == literal("a-name-of-sixte\n"),
        "the process is called as its first thread")
    } catch {
      check.succeeds(.failure(error), "a name")
    }
    check.fails(Call.prctl(99, 0), .invalidArgument, "prctl does not know that")
    for address in [0, 0x7000_0000, 0x7fff_8010_0000] as [UInt64] {
      check.fails(Call.prctl(15, address), .badAddress, "a name from \(hex: address)")
      check.fails(Call.prctl(16, address), .badAddress, "a name to \(hex: address)")
    }
  },
]

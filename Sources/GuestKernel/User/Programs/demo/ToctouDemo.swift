/// Time of check, time of use: a second thread changes an argument while a system call looks at it.
import Apus
import UserSystem

enum ToctouDemo {
  private static let attempts = 400
  /// Where two processors run in step, it takes a while until one meets the other in between.
  private static let mostAttempts = 20_000
  private static let allowed: UInt64 = 64

  static func run() -> Bool {
    Demo.say("A call copies a message out: at most 64 bytes; the length lies in our memory.")
    Demo.say("A second thread keeps changing the length between 16 and 128.")
    guard let page = try? Memory.map(size: 4096) else { return false }
    let length = Memory.words(page)
    let stop = Memory.words(page + 64)
    length[0] = 16
    let flipper = try? Thread {
      while do_read(page + 64) == 0 {
        length[0] = 16
        Call.sched_yield()
        length[0] = 128
        Call.sched_yield()
      }
    }
    guard let flipper else { return Demo.check(false, "a second thread") }
    let wrong = longest(of: mostAttempts) { Call.fetch_twice(length, $0) }
    let right = longest(of: attempts) { Call.fetch_once(length, $0) }
    stop[0] = 1
    flipper.join()
    var passed = Demo.check(
      wrong.length > allowed, "the careless call fetches it twice and gave more than 64 bytes away")
    passed = Demo.check(wrong.secret, "among them bytes that are not the message's") && passed
    return Demo.check(
      right.length <= allowed && !right.secret,
      "the careful call fetches it once and never did, as often as it was tried") && passed
  }

  /// What the most generous of so many calls gave away; none is made after one that told the secret.
  private static func longest(
    of attempts: Int, _ call: (UnsafeMutableRawPointer?) -> Outcome
  ) -> (length: UInt64, secret: Bool) {
    var longest: UInt64 = 0
    var hasSecret = false
    var buffer = [UInt8](repeating: 0, count: 128)
    for attempt in 0..<attempts where !hasSecret {
      let outcome = buffer.withUnsafeMutableBytes { call($0.baseAddress) }
      guard case .success(let count) = outcome else {
        // Refused at once: the other thread must have a chance to change it back.
        for _ in 0...attempt % 5 { Call.sched_yield() }
        continue
      }
      longest = max(longest, count)
      if count > allowed, buffer[Int(count) - 1] == 0x53 { hasSecret = true }
    }
    return (longest, hasSecret)
  }
}

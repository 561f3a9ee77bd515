/// Where code must not sleep, and how the kernel notices that it would.
import KernelArch

enum AtomicContextDemo {
  private static let lock = SpinLock("demo lock")

  static func run() -> Bool {
    Demo.say(
      "Whatever may sleep first calls Context.assertMaySleep(), which panics with the reason when")
    Demo.say("the caller cannot be switched away from. Here the reasons, without the panic:")
    var passed = Demo.check(Context.whyNotSleep() == nil, "in this thread: none, it may sleep")
    passed = tell("with a spinlock held", lock.withLock { Context.whyNotSleep() }) && passed
    passed = tell("with preemption off", Preemption.off { Context.whyNotSleep() }) && passed
    SoftIRQ.disable()
    let reasonInSoftIRQ = Context.whyNotSleep()
    SoftIRQ.enable()
    passed = tell("with softirqs off", reasonInSoftIRQ) && passed
    let reasonAtLevel = InterruptLevel.at(.dispatch) { Context.whyNotSleep() }
    passed = tell("at interrupt level `dispatch`", reasonAtLevel) && passed
    var reason: TextLine?
    let done = Completion()
    let timer = Timer { _ in
      reason = Context.whyNotSleep()
      done.complete()
    }
    timer.start(after: 1000)
    done.wait()
    timer.cancelAndWait()
    passed = tell("in a timer's callback", reason) && passed
    passed = Demo.check(Context.whyNotSleep() == nil, "here again: none") && passed
    return passed
  }

  private static func tell(_ place: StaticString, _ reason: TextLine?) -> Bool {
    guard let reason else { return Demo.check(false, "\(place): refused") }
    return Demo.check(true, "\(place): \(reason)")
  }
}

/// Being told instead of waiting: a descriptor with O_ASYNC sends SIGIO when there is something to read.
import Apus

nonisolated(unsafe) private var notices: Int32 = 0

enum AsyncIODemo {
  static func run() -> Bool {
    guard let pipe = try? Descriptor.pipe() else { return false }
    SignalAction({ _, _, _ in notices += 1 }, flags: .restart).install(for: .io)
    let setOwner: Int32 = 8
    let setFlags: Int32 = 4
    let flags: OpenFlags = [.asynchronous, .nonBlocking]
    Call.fcntl(pipe.reading.rawValue, setOwner, UInt64(UInt32(bitPattern: Process.id)))
    Call.fcntl(pipe.reading.rawValue, setFlags, UInt64(flags.rawValue))
    Demo.say("A pipe whose reading end has O_ASYNC, owned by us; reading never waits: O_NONBLOCK.")
    var byte: UInt8 = 0
    let early = Call.read(pipe.reading.rawValue, &byte, 1)
    var passed = Demo.check(early.error == .tryAgain, "there is nothing yet: EAGAIN")
    let writer = Child.start {
      Time.sleep(nanoseconds: 20_000_000)
      return Call.write(pipe.writing.rawValue, [0x21] as [UInt8], 1).isSuccess ? 0 : 1
    }
    var turns: UInt64 = 0
    while notices == 0, turns < 1_000_000 {
      turns += 1  // whatever else there is to do
      Call.sched_yield()
    }
    passed = Demo.check(notices > 0, "while we did something else, SIGIO arrived") && passed
    let late = Call.read(pipe.reading.rawValue, &byte, 1)
    passed = Demo.check(late.isSuccess && byte == 0x21, "now there is a byte") && passed
    SignalAction.standard.install(for: .io)
    return Demo.check(Child.code(writer) == 0, "the writer has ended well") && passed
  }
}

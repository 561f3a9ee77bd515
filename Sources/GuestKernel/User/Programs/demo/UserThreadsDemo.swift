/// Preemptive threads without the kernel: SIGALRM as the timer interrupt of a scheduler in the program.
import Apus
import UserSystem

nonisolated(unsafe) private var progress: (UInt64, UInt64, UInt64) = (0, 0, 0)
nonisolated(unsafe) private var sum = 0.0

enum UserThreadsDemo {
  private static let goal: UInt64 = 1_000_000

  /// 1, in a way that leaves the loops to be run and not to be calculated.
  private static var step: UInt64 { do_read(address_of_code()) == 0 ? 2 : 1 }

  static func run() -> Bool {
    Demo.say("Three loops that never give way, on three stacks, in one thread of the kernel.")
    progress = (0, 0, 0)
    sum = 0
    do throws(SystemError) {
      try UserThreads.add { while progress.0 < goal { progress.0 += step } }
      try UserThreads.add { while progress.1 < goal { progress.1 += step } }
      try UserThreads.add {
        // Floating-point registers are the thread's own, too.
        var part = 0.0
        while progress.2 < goal {
          progress.2 += step
          part += 0.5
        }
        sum = part
      }
    } catch {
      return Demo.check(false, "memory for three stacks")
    }
    UserThreads.run(slice: 500)
    var passed = Demo.check(
      progress.0 == goal && progress.1 == goal && progress.2 == goal, "all three reached their goal"
    )
    passed = Demo.check(sum == Double(goal) / 2, "the sum in floating point is exact") && passed
    return Demo.check(UserThreads.preemptions > 3, "the timer's signal took turns between them")
      && passed
  }
}

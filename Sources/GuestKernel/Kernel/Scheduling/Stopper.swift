/// Running something on a certain processor at once, before every other thread there: the stop class.
///
/// The function runs in a thread of its own, so unlike an interrupt's handler it may do what
/// threads may; nothing else on that processor runs until it has returned or waits.
import KernelArch

enum Stopper {
  /// Returns when `body` has.
  static func run(on cpu: Int, _ body: @escaping () -> Void) {
    let isDone = Completion()
    let thread = Thread.trySpawn(
      [UInt8](text: "stopper"),
      configure: { thread in
        thread.setPolicy(.stop)
        thread.affinity = 1 << UInt64(cpu)
      },
      {
        body()
        isDone.complete()
      })
    if thread != nil { isDone.wait() }
  }
}

import Dispatch
import Glibc
import Synchronization

/// The processors of the host.
enum HostProcessors {
  /// How many of them are switched on.
  static var count: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// Calls `body` for each number below `count`, in order, on so many threads at once; without a
  /// number, on as many as there are processors.
  static func forEach(below count: Int, jobs: Int?, _ body: @Sendable (Int) -> Void) {
    let next = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: min(jobs ?? self.count, count)) { _ in
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        body(index)
      }
    }
  }
}

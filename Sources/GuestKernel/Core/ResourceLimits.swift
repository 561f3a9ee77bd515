/// How much of each resource a process may have (`getrlimit`): the soft limit counts, and the process may
/// move it up to the hard one, which only the superuser raises.
///
/// Children inherit them, and programs keep them through `exec`: a shell's `ulimit` is meant for what it starts.

/// Numbers as on Linux.
package enum Resource: Int32 {
  /// Seconds on a processor: SIGXCPU at the soft limit and each second after it, SIGKILL at the hard one.
  case processorTime = 0
  /// Bytes: who writes further gets SIGXFSZ and EFBIG.
  case fileSize = 1
  case data = 2
  /// Bytes that the first thread's stack grows to.
  case stack = 3
  case core = 4
  case residentSet = 5
  /// Threads of the user's: more than these is EAGAIN.
  case processes = 6
  /// One more than the greatest descriptor.
  case openFiles = 7
  /// Bytes that `mlock` keeps in memory.
  case lockedMemory = 8
  /// Bytes of all areas together.
  case addressSpace = 9
  case fileLocks = 10
  /// Signals that wait with their records.
  case pendingSignals = 11
  case messageQueues = 12
  case nice = 13
  case realTimePriority = 14
  case realTimeSpan = 15

  package static let count = 16
}

package struct ResourceLimit: BitwiseCopyable, Equatable {
  package static let infinity = UInt64.max
  package var soft = ResourceLimit.infinity
  package var hard = ResourceLimit.infinity

  package init() {}

  package init(_ soft: UInt64, _ hard: UInt64) {
    self.soft = soft
    self.hard = hard
  }
}

package struct ResourceLimits {
  /// The kernel's descriptor tables have no more places.
  package static let mostOpenFiles: UInt64 = 256

  private var values = InlineArray<16, ResourceLimit>(repeating: ResourceLimit())

  package init() {
    self[.stack] = ResourceLimit(8 << 20, ResourceLimit.infinity)
    self[.openFiles] = ResourceLimit(ResourceLimits.mostOpenFiles, ResourceLimits.mostOpenFiles)
    self[.lockedMemory] = ResourceLimit(8 << 20, 8 << 20)
    self[.pendingSignals] = ResourceLimit(128, 128)
  }

  package private(set) subscript(_ resource: Resource) -> ResourceLimit {
    get { values[Int(resource.rawValue)] }
    set { values[Int(resource.rawValue)] = newValue }
  }

  /// Why the limit cannot become that; nil when it has.
  package mutating func set(
    _ resource: Resource, _ limit: ResourceLimit, isSuperuser: Bool
  ) -> SystemError? {
    guard limit.soft <= limit.hard else { return .invalidArgument }
    guard limit.hard <= self[resource].hard || isSuperuser else { return .notPermitted }
    if resource == .openFiles, limit.hard > ResourceLimits.mostOpenFiles { return .notPermitted }
    self[resource] = limit
    return nil
  }
}

/// epoll: waiting for any of many descriptors, which are named once.

package struct EventPoll {
  package let descriptor: Descriptor

  package init() throws(SystemError) {
    let outcome = Call.epoll_create1(UInt64(OpenFlags.closeOnExec.rawValue))
    descriptor = Descriptor(Int32(truncatingIfNeeded: try outcome.get()))
  }

  package func add(_ file: Descriptor, _ record: EventRecord) throws(SystemError) {
    try control(.add, file, record)
  }

  package func change(_ file: Descriptor, _ record: EventRecord) throws(SystemError) {
    try control(.change, file, record)
  }

  package func remove(_ file: Descriptor) throws(SystemError) {
    try control(.remove, file, EventRecord())
  }

  private func control(
    _ operation: EventOperation, _ file: Descriptor, _ record: EventRecord
  ) throws(SystemError) {
    var record = record
    let outcome = withUnsafeBytes(of: &record) {
      Call.epoll_ctl(
        descriptor.rawValue, operation.rawValue, file.rawValue, $0.baseAddress)
    }
    try outcome.check()
  }

  /// The events that there are, after waiting for the first; none when the time is over.
  package func wait(most: Int = 16, milliseconds: Int32 = -1) throws(SystemError) -> [EventRecord] {
    var events = [EventRecord](repeating: EventRecord(), count: most)
    let outcome = events.withUnsafeMutableBytes {
      Call.epoll_wait(descriptor.rawValue, $0.baseAddress, Int32(most), milliseconds)
    }
    let count = Int(try outcome.get())
    return Array(events.prefix(count))
  }

  package func close() { try? descriptor.close() }
}

/// epoll: waiting for any of many descriptors, which are named once; and descriptors made to be waited for,
/// eventfd and signalfd.

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

  /// The same with these signals blocked meanwhile instead of those that are; the error is EINTR when another
  /// one had a handler.
  package func wait(
    most: Int = 16, milliseconds: Int32 = -1, blocking signals: UInt64
  ) throws(SystemError) -> [EventRecord] {
    var events = [EventRecord](repeating: EventRecord(), count: most)
    var mask = signals
    let outcome = events.withUnsafeMutableBytes { events in
      withUnsafeBytes(of: &mask) {
        Call.epoll_pwait(
          descriptor.rawValue, events.baseAddress, Int32(most), milliseconds, $0.baseAddress, 8)
      }
    }
    return Array(events.prefix(Int(try outcome.get())))
  }

  package func close() { try? descriptor.close() }
}

/// A number in the kernel that some add to and others wait for.
package struct EventCounter {
  package let descriptor: Descriptor

  /// With `takesOne` it is a semaphore: `take` takes 1 and not all.
  package init(
    _ value: UInt32 = 0, takesOne: Bool = false, _ flags: OpenFlags = .closeOnExec
  ) throws(SystemError) {
    let outcome = Call.eventfd2(value, UInt64(flags.rawValue) | (takesOne ? 1 : 0))
    descriptor = Descriptor(Int32(truncatingIfNeeded: try outcome.get()))
  }

  package func add(_ amount: UInt64) throws(SystemError) {
    var amount = amount
    let outcome = withUnsafeBytes(of: &amount) {
      Call.write(descriptor.rawValue, $0.baseAddress, 8)
    }
    try outcome.check()
  }

  package func take() throws(SystemError) -> UInt64 {
    var amount: UInt64 = 0
    let outcome = withUnsafeMutableBytes(of: &amount) {
      Call.read(descriptor.rawValue, $0.baseAddress, 8)
    }
    try outcome.check()
    return amount
  }

  package func close() { try? descriptor.close() }
}

/// Signals to be read; they should be blocked.
package struct SignalFile {
  package let descriptor: Descriptor

  package init(
    _ signals: UInt64, _ flags: OpenFlags = .closeOnExec
  ) throws(SystemError) {
    let number = try SignalFile.call(-1, signals, flags)
    descriptor = Descriptor(number)
  }

  package func change(to signals: UInt64) throws(SystemError) {
    _ = try SignalFile.call(descriptor.rawValue, signals, [])
  }

  private static func call(
    _ number: Int32, _ signals: UInt64, _ flags: OpenFlags
  ) throws(SystemError) -> Int32 {
    var set = signals
    let outcome = withUnsafeBytes(of: &set) {
      Call.signalfd4(number, $0.baseAddress, 8, UInt64(flags.rawValue))
    }
    return Int32(truncatingIfNeeded: try outcome.get())
  }

  /// Up to `most` of the signals that have come, after waiting for the first.
  package func read(most: Int = 1) throws(SystemError) -> [SignalRecord] {
    let size = MemoryLayout<SignalRecord>.size
    let bytes = try descriptor.read(limit: most * size)
    return (0..<bytes.count / size).map { index in
      bytes.withUnsafeBytes {
        $0.loadUnaligned(fromByteOffset: index * size, as: SignalRecord.self)
      }
    }
  }

  package func close() { try? descriptor.close() }
}

/// What happened, and when: one fixed-size record per event.
package struct TraceRecord: BitwiseCopyable {
  package var time: UInt64
  package var event: UInt8
  package var cpu: UInt8
  package var thread: UInt32
  package var a: UInt64
  package var b: UInt64
  package var c: UInt64

  package init(
    time: UInt64, event: UInt8, cpu: UInt8, thread: UInt32, a: UInt64, b: UInt64, c: UInt64
  ) {
    self.time = time
    self.event = event
    self.cpu = cpu
    self.thread = thread
    self.a = a
    self.b = b
    self.c = c
  }
}

/// The last records of one processor: a new one takes the place of the oldest.
///
/// Only its own processor writes, with interrupts off, so no lock is needed; a reader on another
/// processor may meet a record being overwritten, and so reads while tracing pauses.
package final class TraceRing {
  private let storage: UnsafeMutablePointer<TraceRecord>
  package let capacity: Int
  /// Records ever written.
  package private(set) var written = 0

  /// Makes room for that many records: a power of two.
  package init(capacity: Int) {
    self.capacity = capacity
    storage = .allocate(capacity: capacity)
  }

  deinit { storage.deallocate() }

  package var lost: Int { max(0, written - capacity) }

  @inline(__always)
  package func append(_ record: TraceRecord) {
    (storage + (written & (capacity - 1))).initialize(to: record)
    written += 1
  }

  package func clear() { written = 0 }

  /// The record of that number, counted from the first ever written, if it is still there.
  package subscript(number: Int) -> TraceRecord? {
    guard number >= lost, number < written else { return nil }
    return storage[number & (capacity - 1)]
  }

  /// Visits the records of several rings in the order of time; of equals the first ring's come first.
  package static func merge(_ rings: [TraceRing], _ visit: (TraceRecord) -> Void) {
    var next = rings.map { $0.lost }
    while true {
      var best = -1
      var bestRecord: TraceRecord?
      for (index, ring) in rings.enumerated() {
        guard let record = ring[next[index]] else { continue }
        if bestRecord.map({ record.time < $0.time }) ?? true {
          (best, bestRecord) = (index, record)
        }
      }
      guard let record = bestRecord else { return }
      next[best] += 1
      visit(record)
    }
  }
}

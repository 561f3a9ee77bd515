/// Signals that have been sent and not yet taken.
///
/// Of the first 31 numbers one of a kind is remembered. Those from 32 on, the real-time signals, queue: each has
/// its record, and those of one number are taken in the order in which they were sent. Memory for a record
/// is asked for in interrupts too and may be refused: then a signal of the first kind loses its record,
/// and who wanted to queue one is told so. A timer brings its own, so its signal is never lost.
import KernelArch

struct PendingSignals: ~Copyable {
  typealias Link = UnsafeMutablePointer<Entry>

  struct Entry {
    var record = SignalRecord()
    fileprivate var next: Link?
    fileprivate(set) var isQueued = false
    /// It belongs to a timer, which wants to know when its signal is taken.
    let timer: Unmanaged<PosixTimer>?

    init(timer: Unmanaged<PosixTimer>?) { self.timer = timer }
  }

  private(set) var set = SignalSet()
  private(set) var count: UInt64 = 0
  private var first: Link?
  /// The entry of the last signal that was taken, for the next one: mostly there is one at a time.
  private var spare: Link?

  init() {}

  deinit {
    var at = first
    while let entry = at {
      at = entry.pointee.next
      PendingSignals.giveBack(entry)
    }
    if let spare { PendingSignals.giveBack(spare) }
  }

  private mutating func takeEntry() -> Link? {
    defer { spare = nil }
    return spare ?? PendingSignals.makeEntry()
  }

  private mutating func keep(_ entry: Link) {
    guard spare == nil, entry.pointee.timer == nil else { return PendingSignals.giveBack(entry) }
    entry.pointee.isQueued = false
    spare = entry
  }

  static func makeEntry(timer: Unmanaged<PosixTimer>? = nil) -> Link? {
    let size = MemoryLayout<Entry>.size
    guard let memory = Kmalloc.allocate(size, timer == nil ? .atomic : .kernel) else { return nil }
    let entry = memory.bindMemory(to: Entry.self, capacity: 1)
    entry.initialize(to: Entry(timer: timer))
    return entry
  }

  private static func giveBack(_ entry: Link) {
    entry.pointee.next = nil
    entry.pointee.isQueued = false
    if entry.pointee.timer == nil { Kmalloc.release(UnsafeMutableRawPointer(entry)) }
  }

  /// False when a signal that queues cannot be: `limit` records wait already, or there is no memory.
  mutating func add(_ signal: Signal, _ record: SignalRecord, limit: UInt64) -> Bool {
    if set.contains(signal), !signal.queues { return true }
    guard count < limit, let entry = takeEntry() else {
      // `kill` does not promise a record.
      guard !signal.queues || record.code == SignalRecord.byUser else { return false }
      set.insert(SignalSet(signal))
      return true
    }
    entry.pointee.record = record
    append(entry, signal)
    return true
  }

  /// Adds a timer's own record, which must not be queued yet.
  mutating func append(_ entry: Link, _ signal: Signal) {
    entry.pointee.record.signal = signal.number
    entry.pointee.next = nil
    entry.pointee.isQueued = true
    set.insert(SignalSet(signal))
    count += 1
    guard var last = first else {
      first = entry
      return
    }
    while let next = last.pointee.next { last = next }
    last.pointee.next = entry
  }

  /// The oldest of that number; nil when its record was lost.
  mutating func take(_ signal: Signal) -> SignalRecord? {
    guard let entry = unlink(where: { $0.pointee.record.signal == signal.number }) else {
      set.remove(SignalSet(signal))
      return nil
    }
    forgetIfLast(signal)
    if let timer = entry.pointee.timer { timer._withUnsafeGuaranteedRef { $0.wasTaken() } }
    let record = entry.pointee.record
    keep(entry)
    return record
  }

  /// Takes a timer's record back; false when it is not here.
  mutating func remove(_ wanted: Link) -> Bool {
    guard let entry = unlink(where: { $0 == wanted }) else { return false }
    if let signal = Signal(entry.pointee.record.signal) { forgetIfLast(signal) }
    PendingSignals.giveBack(entry)
    return true
  }

  mutating func remove(_ signals: SignalSet) {
    set.subtract(signals)
    while let entry = unlink(where: {
      Signal($0.pointee.record.signal).map { signals.contains($0) } ?? true
    }) {
      PendingSignals.giveBack(entry)
    }
  }

  private mutating func unlink(where matches: (Link) -> Bool) -> Link? {
    var previous: Link?
    var at = first
    while let entry = at {
      if matches(entry) {
        if let previous {
          previous.pointee.next = entry.pointee.next
        } else {
          first = entry.pointee.next
        }
        count -= 1
        return entry
      }
      previous = entry
      at = entry.pointee.next
    }
    return nil
  }

  private mutating func forgetIfLast(_ signal: Signal) {
    var at = first
    while let entry = at {
      if entry.pointee.record.signal == signal.number { return }
      at = entry.pointee.next
    }
    set.remove(SignalSet(signal))
  }
}

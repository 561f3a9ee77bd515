/// Waiting for several files at once: `poll` and `select`.
///
/// Each file is asked what it is ready for and told whom to wake; if none is ready, the caller waits
/// and asks them all again. Telling comes before asking, so nothing is missed in between.
import KernelArch

extension SystemCalls {
  private static let maximumCount: UInt64 = 256

  static func poll(
    _ address: UInt64, _ count: UInt64, _ milliseconds: Int32
  ) throws(Failure) -> UInt64 {
    guard count <= maximumCount else { throw Failure(.invalidArgument) }
    var records: [PollRecord] = []
    let stride = UInt64(MemoryLayout<PollRecord>.stride)
    let blank = PollRecord(descriptor: 0, events: [])
    for index in 0..<count {
      records.append(try UserMemory.get(blank, at: address &+ index * stride))
    }
    let ready = try wait(&records, deadline(Int64(milliseconds) * 1_000_000))
    for (index, record) in records.enumerated() {
      try UserMemory.put(record, at: address &+ UInt64(index) * stride)
    }
    return UInt64(ready)
  }

  /// A negative time is for ever.
  static func deadline(_ nanoseconds: Int64) -> UInt64? {
    nanoseconds < 0 ? nil : Clock.nanoseconds &+ UInt64(nanoseconds)
  }

  /// Fills in the answers; returns how many records have one, 0 after the deadline.
  private static func wait(
    _ records: inout [PollRecord], _ deadline: UInt64?
  ) throws(Failure) -> Int {
    let table = try FileTable.ofCaller()
    let poller = WaitingPoller()
    defer { poller.finish() }
    var isFirst = true
    while true {
      var ready = 0
      for index in records.indices where records[index].descriptor >= 0 {
        records[index].answer = ask(records[index], table, isFirst ? poller : nil)
        if !records[index].answer.isEmpty { ready += 1 }
      }
      if ready > 0 { return ready }
      isFirst = false
      switch poller.wait(until: deadline) {
      case .done: break
      case .interrupted: throw Failure(.interrupted)
      case .timedOut: return 0
      }
    }
  }

  private static func ask(
    _ record: PollRecord, _ table: FileTable, _ poller: Poller?
  ) -> PollEvents {
    do throws(Failure) {
      let file = try table.get(Int(record.descriptor))
      defer { file.drop() }
      let always: PollEvents = [.error, .hangUp]
      return file.poll(poller).intersection(record.events.union(always))
    } catch {
      return .invalid
    }
  }

  /// `select` in terms of `poll`: three sets of bits, of up to 256 descriptors.
  static func select(
    _ count: Int32, _ read: UInt64, _ write: UInt64, _ exceptional: UInt64, _ time: UInt64
  ) throws(Failure) -> UInt64 {
    guard count >= 0, count <= maximumCount else { throw Failure(.invalidArgument) }
    let size = (UInt64(count) + 63) / 64
    var records: [PollRecord] = []
    let wantsRead = try bits(read, size)
    let wantsWrite = try bits(write, size)
    for descriptor in 0..<Int(count) {
      var events: PollEvents = []
      if isSet(wantsRead, descriptor) { events.insert(.readable) }
      if isSet(wantsWrite, descriptor) { events.insert(.writable) }
      if events.isEmpty { continue }
      records.append(PollRecord(descriptor: Int32(descriptor), events: events))
    }
    var limit: UInt64?
    if time != 0 {
      // struct timeval: seconds and microseconds.
      let seconds = try UserMemory.get(Int64(0), at: time)
      let microseconds = try UserMemory.get(Int64(0), at: time &+ 8)
      guard seconds >= 0, seconds < 1 << 32, microseconds >= 0, microseconds < 1_000_000 else {
        throw Failure(.invalidArgument)
      }
      limit = deadline(seconds * 1_000_000_000 + microseconds * 1000)
    }
    _ = try wait(&records, limit)
    var readable = [UInt64](repeating: 0, count: Int(size))
    var writable = readable
    var total: UInt64 = 0
    for record in records {
      if record.answer.contains(.invalid) { throw Failure(.badDescriptor) }
      let (word, bit) = (Int(record.descriptor) / 64, UInt64(record.descriptor) % 64)
      if record.events.contains(.readable),
        !record.answer.isDisjoint(with: [.readable, .hangUp, .error])
      {
        readable[word] |= 1 << bit
        total += 1
      }
      if record.events.contains(.writable), !record.answer.isDisjoint(with: [.writable, .error]) {
        writable[word] |= 1 << bit
        total += 1
      }
    }
    try store(readable, read)
    try store(writable, write)
    try store([UInt64](repeating: 0, count: Int(size)), exceptional)
    return total
  }

  private static func bits(_ address: UInt64, _ size: UInt64) throws(Failure) -> [UInt64] {
    var words: [UInt64] = []
    for index in 0..<size {
      words.append(address == 0 ? 0 : try UserMemory.get(UInt64(0), at: address &+ index * 8))
    }
    return words
  }

  private static func isSet(_ words: [UInt64], _ index: Int) -> Bool {
    words[index / 64] >> UInt64(index % 64) & 1 != 0
  }

  private static func store(_ words: [UInt64], _ address: UInt64) throws(Failure) {
    guard address != 0 else { return }
    for (index, word) in words.enumerated() {
      try UserMemory.put(word, at: address &+ UInt64(index) * 8)
    }
  }
}

/// epoll: the files that a program watches are told to the kernel once, and not again with each call as `poll` does.
///
/// A file that becomes ready puts its watch into a list; `epoll_wait` looks at those in the list only, so that
/// a thousand idle files cost nothing. A level-triggered watch goes back into the list as long as there is
/// something; an edge-triggered one waits for the next news. Watches belong to open files and go with them.
import KernelArch

/// One file that one epoll watches.
final class EventWatch: Poller {
  let descriptor: Int32
  /// Its last descriptor's end ends the watch, so there is a file as long as there is a watch.
  fileprivate let file: Unmanaged<OpenFile>
  fileprivate let owner: EventPoll
  /// Lock: `EventPoll.lock`.
  fileprivate var record: EventRecord
  // Lock for these: the owner's `readyLock`.
  fileprivate var isReady = false
  fileprivate var isOver = false
  fileprivate var next: EventWatch?

  fileprivate init(_ owner: EventPoll, _ file: OpenFile, _ descriptor: Int32, _ record: EventRecord)
  {
    self.owner = owner
    self.file = Unmanaged.passUnretained(file)
    self.descriptor = descriptor
    self.record = record
    super.init()
  }

  override func tell() { owner.noteReady(self) }

  /// What there is of what is wanted; `EventPoll.lock` is held.
  fileprivate func ask(_ poller: Poller? = nil) -> PollEvents {
    guard !record.isDisarmed else { return [] }
    let always: PollEvents = [.error, .hangUp]
    return file._withUnsafeGuaranteedRef {
      $0.poll(poller).intersection(record.wanted.union(always))
    }
  }
}

final class EventPoll: OpenFile {
  /// Held while watches come and go, and while files are asked.
  static let lock = Mutex("epoll")
  static let mostWatches = 1024
  /// Lock: `EventPoll.lock`.
  private var list: [EventWatch] = []
  private let readyLock = SpinLock("epoll ready")
  // Watches with news. Lock for these: `readyLock`, also from interrupts.
  private var first: EventWatch?
  private var last: EventWatch?
  /// Somebody looks through them: some are out of the list, and may come back without news.
  private var isBeingAsked = false
  private let news = Readiness("epoll readiness")

  init() { super.init(nil, .readWrite) }

  override var title: [UInt8] { [UInt8](text: "eventpoll") }

  override func poll(_ poller: Poller?) -> PollEvents {
    news.add(poller)
    EventPoll.lock.lock()
    defer { EventPoll.lock.unlock() }
    var kept: [EventWatch] = []
    beginAsking()
    while let watch = takeReady() { if !watch.ask().isEmpty { kept.append(watch) } }
    endAsking(keeping: kept)
    return kept.isEmpty ? [] : .readable
  }

  override func release() {
    EventPoll.lock.lock()
    defer { EventPoll.lock.unlock() }
    for watch in list { end(watch) }
    list = []
  }
}

// MARK: Watches

extension EventPoll {
  func add(
    _ file: OpenFile, _ descriptor: Int32, _ record: EventRecord
  ) throws(SystemFailure) {
    if file is EventPoll { throw SystemFailure(file === self ? .invalidArgument : .tooManyLinks) }
    // They are always ready.
    if let kind = file.inode?.kind, kind == .regular || kind == .directory {
      throw SystemFailure(.notPermitted)
    }
    EventPoll.lock.lock()
    defer { EventPoll.lock.unlock() }
    guard find(file, descriptor) == nil else { throw SystemFailure(.exists) }
    guard list.count < EventPoll.mostWatches else { throw SystemFailure(.noSpace) }
    let watch = EventWatch(self, file, descriptor, record)
    list.append(watch)
    file.watches.append(watch)
    if !watch.ask(watch).isEmpty { noteReady(watch) }
  }

  func change(
    _ file: OpenFile, _ descriptor: Int32, to record: EventRecord
  ) throws(SystemFailure) {
    EventPoll.lock.lock()
    defer { EventPoll.lock.unlock() }
    guard let watch = find(file, descriptor) else { throw SystemFailure(.notFound) }
    watch.record = record
    if !watch.ask().isEmpty { noteReady(watch) }
  }

  func remove(_ file: OpenFile, _ descriptor: Int32) throws(SystemFailure) {
    EventPoll.lock.lock()
    defer { EventPoll.lock.unlock() }
    guard let watch = find(file, descriptor) else { throw SystemFailure(.notFound) }
    end(watch)
    list.removeAll { $0 === watch }
  }

  /// The last descriptor of a file is closed.
  static func forget(_ file: OpenFile) {
    lock.lock()
    defer { lock.unlock() }
    while let watch = file.watches.last {
      watch.owner.end(watch)
      watch.owner.list.removeAll { $0 === watch }
    }
  }

  private func find(_ file: OpenFile, _ descriptor: Int32) -> EventWatch? {
    for watch in file.watches where watch.owner === self && watch.descriptor == descriptor {
      return watch
    }
    return nil
  }

  private func end(_ watch: EventWatch) {
    watch.finish()
    watch.file._withUnsafeGuaranteedRef { file in file.watches.removeAll { $0 === watch } }
    readyLock.withLockIRQ {
      watch.isOver = true
      guard watch.isReady else { return }
      watch.isReady = false
      var before: EventWatch?
      var at = first
      while let ready = at, ready !== watch {
        before = ready
        at = ready.next
      }
      if let before { before.next = watch.next } else { first = watch.next }
      if last === watch { last = before }
      watch.next = nil
    }
  }
}

// MARK: What is ready

extension EventPoll {
  /// Callable from interrupts.
  func noteReady(_ watch: EventWatch) {
    if append(watch) { news.notify() }
  }

  /// False when it is there already.
  @discardableResult
  private func append(_ watch: EventWatch) -> Bool {
    readyLock.withLockIRQ {
      guard !watch.isReady, !watch.isOver else { return false }
      watch.isReady = true
      watch.next = nil
      if let last { last.next = watch } else { first = watch }
      last = watch
      return true
    }
  }

  private func takeReady() -> EventWatch? {
    readyLock.withLockIRQ {
      guard let watch = first else { return nil }
      first = watch.next
      if first == nil { last = nil }
      watch.next = nil
      watch.isReady = false
      return watch
    }
  }

  private func beginAsking() { readyLock.withLockIRQ { isBeingAsked = true } }

  private func endAsking(keeping kept: [EventWatch]) {
    for watch in kept { append(watch) }
    readyLock.withLockIRQ { isBeingAsked = false }
  }

  /// True also while another thread asks: what it takes out for a moment must not look like nothing to
  /// one whom the news has just woken, since nobody would wake it again.
  private var mayHaveReady: Bool { readyLock.withLockIRQ { first != nil || isBeingAsked } }

  /// Up to `most` events, after waiting for the first; none when the time is over.
  func wait(most: Int, until deadline: UInt64?) throws(SystemFailure) -> [EventRecord] {
    while true {
      let events = collect(most)
      if !events.isEmpty { return events }
      switch news.wait(until: deadline, { mayHaveReady }) {
      case .done: break
      case .interrupted: throw SystemFailure(.interrupted)
      case .timedOut: return []
      }
    }
  }

  private func collect(_ most: Int) -> [EventRecord] {
    EventPoll.lock.lock()
    defer { EventPoll.lock.unlock() }
    var events: [EventRecord] = []
    var again: [EventWatch] = []
    beginAsking()
    while events.count < most, let watch = takeReady() {
      let found = watch.ask()
      if found.isEmpty { continue }
      events.append(EventRecord(found, data: watch.record.data))
      if watch.record.isOneShot {
        watch.record.disarm()
      } else if !watch.record.isEdgeTriggered {
        again.append(watch)
      }
    }
    endAsking(keeping: again)
    return events
  }
}

// MARK: Calls

extension SystemCalls {
  static func createEventPoll(_ flags: UInt64) throws(Failure) -> UInt64 {
    let closeOnExec = UInt64(OpenFlags.closeOnExec.rawValue)
    guard flags & ~closeOnExec == 0 else { throw Failure(.invalidArgument) }
    return UInt64(try FileTable.ofCaller().add(EventPoll(), closesOnExec: flags != 0))
  }

  static func controlEventPoll(
    _ descriptor: Int32, _ operation: Int32, _ watched: Int32, _ event: UInt64
  ) throws(Failure) -> UInt64 {
    let table = try FileTable.ofCaller()
    let file = try table.get(Int(descriptor))
    defer { file.drop() }
    let target = try table.get(Int(watched))
    defer { target.drop() }
    guard let poll = file as? EventPoll, let operation = EventOperation(rawValue: operation) else {
      throw Failure(.invalidArgument)
    }
    switch operation {
    case .add: try poll.add(target, watched, try UserMemory.get(EventRecord(), at: event))
    case .change:
      try poll.change(target, watched, to: try UserMemory.get(EventRecord(), at: event))
    case .remove: try poll.remove(target, watched)
    }
    return 0
  }

  static func waitForEvents(
    _ descriptor: Int32, _ address: UInt64, _ count: Int32, _ milliseconds: Int32
  ) throws(Failure) -> UInt64 {
    let file = try FileTable.ofCaller().get(Int(descriptor))
    defer { file.drop() }
    guard let poll = file as? EventPoll, count > 0 else { throw Failure(.invalidArgument) }
    let size = UInt64(MemoryLayout<EventRecord>.size)
    let most = Int(min(count, 1024))
    let events = try poll.wait(most: most, until: deadline(Int64(milliseconds) * 1_000_000))
    for (index, event) in events.enumerated() {
      try UserMemory.put(event, at: address &+ UInt64(index) * size)
    }
    return UInt64(events.count)
  }

  /// With another mask while it waits, in one step: a signal that it lets through cannot come in between.
  static func waitForEventsAndSignals(
    _ descriptor: Int32, _ address: UInt64, _ count: Int32, _ milliseconds: Int32, _ set: UInt64,
    _ size: UInt64
  ) throws(Failure) -> UInt64 {
    guard set != 0, let user = Thread.current.user else {
      return try waitForEvents(descriptor, address, count, milliseconds)
    }
    guard size == 8 else { throw Failure(.invalidArgument) }
    let mask = try UserMemory.get(SignalSet(), at: set)
    let old = user.mask
    user.maskToRestore = old
    change(user, mask)
    do throws(Failure) {
      let events = try waitForEvents(descriptor, address, count, milliseconds)
      user.maskToRestore = nil
      change(user, old)
      return events
    } catch {
      // The handler still runs with the mask of the call, or the call is made again.
      guard error.error != .interrupted else { throw error }
      user.maskToRestore = nil
      change(user, old)
      throw error
    }
  }
}

/// A pipe: a ring of bytes between those who write and those who read.
///
/// A reader waits while it is empty and there are writers, a writer while there is no room and there
/// are readers. Up to `PIPE_BUF` bytes are written whole or not yet, so that two writers' lines do not
/// mix; without readers a write fails with EPIPE and the signal SIGPIPE.
import KernelArch

final class Pipe {
  static let capacity = 65536
  /// Writes up to this size are atomic (PIPE_BUF).
  static let atomicSize = 4096

  private let lock = SpinLock("pipe")
  /// Lock for all of these: `lock`.
  private let ring: ByteRing
  private var readers = 0
  private var writers = 0
  /// How often each side was opened, for those who wait for the other one in `open`.
  private var readersEver = 0
  private var writersEver = 0

  fileprivate let input = Readiness()
  fileprivate let room = Readiness()

  init() throws(SystemFailure) {
    guard let storage = Pipe.memory(Pipe.atomicSize) else { throw SystemFailure(.outOfMemory) }
    ring = ByteRing(storage: storage, capacity: Pipe.atomicSize) { Kmalloc.release($0) }
  }

  /// Memory that programs ask for: it may be refused.
  private static func memory(_ count: Int) -> UnsafeMutableRawPointer? {
    Kmalloc.allocate(count, alignment: 16, [.user, .noRetry])
  }

  /// Both ends of a new pipe.
  static func make(
    _ flags: OpenFlags
  ) throws(SystemFailure) -> (reader: OpenFile, writer: OpenFile) {
    let pipe = try Pipe()
    let kept = flags.intersection(.nonBlocking)
    return (PipeReader(pipe, nil, kept, nil), PipeWriter(pipe, nil, kept.union(.writeOnly), nil))
  }

  /// Opens a named pipe: waits for the other side unless told not to.
  static func open(
    _ inode: Inode, _ flags: OpenFlags, _ path: Path?
  ) throws(SystemFailure) -> OpenFile {
    let pipe = try of(inode)
    if flags.canRead, flags.canWrite { return PipeBoth(pipe, inode, flags, path) }
    let isReader = flags.canRead
    if !isReader, flags.contains(.nonBlocking), !pipe.hasReaders {
      throw SystemFailure(.noSuchAddress)
    }
    let file =
      isReader
      ? PipeReader(pipe, inode, flags, path) : PipeWriter(pipe, inode, flags, path)
    if !flags.contains(.nonBlocking), let openings = file.awaited {
      do throws(SystemFailure) {
        try pipe.waitForOtherSide(isReader, after: openings)
      } catch {
        file.release()
        throw error
      }
    }
    return file
  }

  private static func of(_ inode: Inode) throws(SystemFailure) -> Pipe {
    inode.lock.lock()
    defer { inode.lock.unlock() }
    if let pipe = inode.pipe { return pipe }
    let pipe = try Pipe()
    inode.pipe = pipe
    return pipe
  }

  /// Not until somebody is there: who comes may have written and gone before this thread runs again.
  private func waitForOtherSide(
    _ isReader: Bool, after openings: Int
  ) throws(SystemFailure) {
    try (isReader ? input : room).wait {
      lock.withLock { (isReader ? writersEver : readersEver) != openings }
    }
  }

  private var hasReaders: Bool { lock.withLock { readers > 0 } }

  /// Returns how often the other side has been opened, if nobody is there now: for one of them a
  /// reader's `open` waits.
  fileprivate func addReader() -> Int? {
    defer { room.notify() }
    return lock.withLock {
      readers += 1
      readersEver += 1
      return writers > 0 ? nil : writersEver
    }
  }

  fileprivate func addWriter() -> Int? {
    defer { input.notify() }
    return lock.withLock {
      writers += 1
      writersEver += 1
      return readers > 0 ? nil : readersEver
    }
  }

  fileprivate func removeReader() {
    lock.withLock { readers -= 1 }
    room.notify()
  }

  fileprivate func removeWriter() {
    lock.withLock { writers -= 1 }
    input.notify()
  }
}

// MARK: Bytes

extension Pipe {
  fileprivate func read(
    into buffer: UnsafeMutableRawBufferPointer, _ isNonBlocking: Bool
  ) throws(SystemFailure) -> Int {
    guard !buffer.isEmpty else { return 0 }
    while true {
      let (count, isEnd) = lock.withLock { (ring.read(into: buffer), writers == 0) }
      if count > 0 {
        room.notify()
        return count
      }
      if isEnd { return 0 }
      if isNonBlocking { throw SystemFailure(.tryAgain) }
      try input.wait { lock.withLock { ring.count > 0 || writers == 0 } }
    }
  }

  fileprivate func write(
    _ buffer: UnsafeRawBufferPointer, _ isNonBlocking: Bool
  ) throws(SystemFailure) -> Int {
    var done = 0
    let isAtomic = buffer.count <= Pipe.atomicSize
    while done < buffer.count {
      let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
      let (count, isBroken) = lock.withLock { () -> (Int, Bool) in
        if readers == 0 { return (0, true) }
        makeRoom(for: rest.count)
        if isAtomic, ring.free < rest.count { return (0, false) }
        if rest.count > 1000, Power.options.faults.contains(.pipeDrop) {
          return (ring.write(UnsafeRawBufferPointer(rebasing: rest[1...])) + 1, false)
        }
        return (ring.write(rest), false)
      }
      if isBroken {
        if done > 0 { return done }
        BrokenPipe.signalCaller()
        throw SystemFailure(.brokenPipe)
      }
      if count > 0 {
        input.notify()
        done += count
        continue
      }
      if isNonBlocking || done > 0 {
        if done > 0 { return done }
        throw SystemFailure(.tryAgain)
      }
      let needed = isAtomic ? rest.count : 1
      try room.wait(exclusive: false) {
        lock.withLock { readers == 0 || ring.free >= needed || mayGrow }
      }
    }
    return done
  }

  /// The ring starts small and grows to its limit only for those who need it.
  private func makeRoom(for count: Int) {
    guard ring.free < count, mayGrow else { return }
    // A program's: without memory for more it goes on with what it has.
    _ = ring.resize(
      to: min(Pipe.capacity, max(ring.capacity * 2, ring.count + count)), allocate: Pipe.memory)
  }

  private var mayGrow: Bool { ring.capacity < Pipe.capacity && Headroom.isThere }

  fileprivate func pollReading() -> PollEvents {
    lock.withLock {
      var events: PollEvents = []
      if ring.count > 0 { events.insert(.readable) }
      if writers == 0 { events.insert(.hangUp) }
      return events
    }
  }

  fileprivate func pollWriting() -> PollEvents {
    lock.withLock {
      if readers == 0 { return [.error, .writable] }
      let free = ring.free + Pipe.capacity - ring.capacity
      return free >= Pipe.atomicSize ? .writable : []
    }
  }

  fileprivate var readableCount: UInt64 { lock.withLock { UInt64(ring.count) } }
}

// MARK: The ends

private class PipeEnd: OpenFile {
  final let pipe: Pipe
  /// What `addReader` or `addWriter` said.
  final fileprivate(set) var awaited: Int?

  init(_ pipe: Pipe, _ inode: Inode?, _ flags: OpenFlags, _ path: Path?) {
    self.pipe = pipe
    super.init(inode, flags, path)
  }
  override func control(_ request: UInt64, _ argument: UInt64) throws(SystemFailure) -> UInt64 {
    guard request == DeviceRequest.bytesReadable else { throw SystemFailure(.notTerminal) }
    guard UserMemory.write(record: UInt32(pipe.readableCount), to: argument) else {
      throw SystemFailure(.badAddress)
    }
    return 0
  }
  override var title: [UInt8] { [UInt8](text: "pipe") }
  override func sync() throws(SystemFailure) { throw SystemFailure(.invalidArgument) }
}

private final class PipeReader: PipeEnd {
  override init(_ pipe: Pipe, _ inode: Inode?, _ flags: OpenFlags, _ path: Path?) {
    super.init(pipe, inode, flags, path)
    awaited = pipe.addReader()
  }
  override func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
    try pipe.read(into: buffer, isNonBlocking)
  }
  override func poll(_ poller: Poller?) -> PollEvents {
    pipe.input.add(poller)
    return pipe.pollReading()
  }
  override func flagsChanged() { pipe.input.setListening(self, flags.contains(.asynchronous)) }
  override func release() {
    pipe.input.setListening(self, false)
    pipe.removeReader()
  }
}

private final class PipeWriter: PipeEnd {
  override init(_ pipe: Pipe, _ inode: Inode?, _ flags: OpenFlags, _ path: Path?) {
    super.init(pipe, inode, flags, path)
    awaited = pipe.addWriter()
  }
  override func write(_ buffer: UnsafeRawBufferPointer) throws(SystemFailure) -> Int {
    try pipe.write(buffer, isNonBlocking)
  }
  override func poll(_ poller: Poller?) -> PollEvents {
    pipe.room.add(poller)
    return pipe.pollWriting()
  }
  override func release() { pipe.removeWriter() }
}

/// A named pipe opened for both directions never sees an end.
private final class PipeBoth: PipeEnd {
  override init(_ pipe: Pipe, _ inode: Inode?, _ flags: OpenFlags, _ path: Path?) {
    super.init(pipe, inode, flags, path)
    _ = pipe.addReader()
    _ = pipe.addWriter()
  }
  override func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
    try pipe.read(into: buffer, isNonBlocking)
  }
  override func write(_ buffer: UnsafeRawBufferPointer) throws(SystemFailure) -> Int {
    try pipe.write(buffer, isNonBlocking)
  }
  override func poll(_ poller: Poller?) -> PollEvents {
    pipe.input.add(poller)
    pipe.room.add(poller)
    return pipe.pollReading().union(pipe.pollWriting())
  }
  override func release() {
    pipe.removeReader()
    pipe.removeWriter()
  }
}

/// SIGPIPE for the running process.
enum BrokenPipe {
  static func signalCaller() {
    if let process = Thread.current.process { Signals.send(.pipe, to: process) }
  }
}

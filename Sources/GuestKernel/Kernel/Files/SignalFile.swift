/// signalfd: signals as something to read, so that a program waits for them where it waits for files.
///
/// The file has no signals of its own: who reads takes what is pending for itself and in the set. They should be
/// blocked, or a handler or the default action is faster.
import KernelArch

final class SignalFile: OpenFile {
  /// Lock: `Processes.lock`.
  private var wanted: SignalSet

  init(_ wanted: SignalSet, _ flags: OpenFlags) {
    self.wanted = wanted
    super.init(nil, flags.union(.readWrite))
  }

  override var title: [UInt8] { [UInt8](text: "signalfd") }

  func change(_ wanted: SignalSet) {
    Processes.lock.withLockIRQ { self.wanted = wanted }
    Process.current.signalNews.notify()
  }

  /// As many records as fit; waits for the first one only.
  override func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
    let size = MemoryLayout<SignalRecord>.size
    guard buffer.count >= size else { throw SystemFailure(.invalidArgument) }
    var done = 0
    while done + size <= buffer.count {
      guard let record = try done == 0 && !isNonBlocking ? wait() : take() else { break }
      buffer.storeBytes(of: record, toByteOffset: done, as: SignalRecord.self)
      done += size
    }
    if done == 0 { throw SystemFailure(.tryAgain) }
    return done
  }

  private func take() -> SignalRecord? {
    guard let process = Thread.current.process, let user = Thread.current.user else { return nil }
    return Processes.lock.withLockIRQ { Signals.take(wanted, process, user)?.record }
  }

  private func wait() throws(SystemFailure) -> SignalRecord? {
    var record: SignalRecord?
    try Process.current.signalNews.wait {
      record = take()
      return record != nil
    }
    return record
  }

  override func poll(_ poller: Poller?) -> PollEvents {
    guard let process = Thread.current.process, let user = Thread.current.user else { return [] }
    process.signalNews.add(poller)
    return Processes.lock.withLockIRQ {
      let waiting = user.pending.set.union(process.pending.set)
      return waiting.isDisjoint(with: wanted) ? [] : .readable
    }
  }
}

extension Process {
  /// Where signals that come to wait are told to those who read them from files.
  var signalNews: Readiness {
    if let news = Processes.lock.withLockIRQ({ signalReadiness }) { return news }
    let fresh = Readiness("signal readiness")
    return Processes.lock.withLockIRQ {
      if let news = signalReadiness { return news }
      signalReadiness = fresh
      return fresh
    }
  }
}

extension SystemCalls {
  /// A new file, or another set for one that there is.
  static func makeSignalFile(
    _ descriptor: Int32, _ set: UInt64, _ size: UInt64, _ flags: UInt64
  ) throws(Failure) -> UInt64 {
    let known: OpenFlags = [.nonBlocking, .closeOnExec]
    guard size == 8, flags & ~UInt64(known.rawValue) == 0 else { throw Failure(.invalidArgument) }
    let wanted = try UserMemory.get(SignalSet(), at: set).subtracting(.unstoppable)
    let table = try FileTable.ofCaller()
    guard descriptor == -1 else {
      let file = try table.get(Int(descriptor))
      defer { file.drop() }
      guard let signals = file as? SignalFile else { throw Failure(.invalidArgument) }
      signals.change(wanted)
      return UInt64(descriptor)
    }
    let asked = OpenFlags(rawValue: UInt32(flags))
    return UInt64(
      try table.add(
        SignalFile(wanted, OpenFile.kept(asked)), closesOnExec: asked.contains(.closeOnExec)))
  }
}

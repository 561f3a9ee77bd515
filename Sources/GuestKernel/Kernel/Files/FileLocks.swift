/// flock: locks on files that programs agree to respect; nothing else does.
///
/// A lock belongs to the open file, so that descriptors made by `dup` and `fork` share it, and ends with it.
/// Any number of open files share a file, or one has it for itself.
import KernelArch

enum FileLocks {
  enum Kind: UInt8 {
    case none
    case shared
    case exclusive
  }

  private static let lock = SpinLock("file locks")
  /// All who wait for any file: there are few.
  private static let changed = WaitQueue()

  /// Sets an open file's lock; while others are in the way it waits, or fails with EAGAIN.
  static func set(
    _ kind: Kind, for file: OpenFile, isWaiting: Bool
  ) throws(SystemFailure) {
    // From one kind to another there is a moment without: else two who both want more would wait for ever.
    release(file)
    guard kind != .none else { return }
    if trySet(kind, file) { return }
    guard isWaiting else { throw SystemFailure(.tryAgain) }
    if changed.wait({ trySet(kind, file) }) != .done { throw SystemFailure(.interrupted) }
  }

  private static func trySet(_ kind: Kind, _ file: OpenFile) -> Bool {
    guard let inode = file.inode else { return false }
    return lock.withLock {
      // Another thread with the same open file was faster.
      guard file.lockKind == .none else { return true }
      guard !inode.isLockedExclusively, kind == .shared || inode.sharedLocks == 0 else {
        return false
      }
      if kind == .shared { inode.sharedLocks += 1 } else { inode.isLockedExclusively = true }
      file.lockKind = kind
      return true
    }
  }

  /// The lock ends, if there is one.
  static func release(_ file: OpenFile) {
    guard let inode = file.inode, file.lockKind != .none else { return }
    lock.withLock {
      switch file.lockKind {
      case .none: break
      case .shared: inode.sharedLocks -= 1
      case .exclusive: inode.isLockedExclusively = false
      }
      file.lockKind = .none
    }
    changed.wakeAll()
  }
}

extension SystemCalls {
  static func lockFile(_ descriptor: Int32, _ operation: Int32) throws(Failure) -> UInt64 {
    let file = try FileTable.ofCaller().get(Int(descriptor))
    defer { file.drop() }
    guard file.inode != nil else { throw Failure(.invalidArgument) }
    let noWait: Int32 = 4
    let kind: FileLocks.Kind
    switch operation & ~noWait {
    case 1: kind = .shared
    case 2: kind = .exclusive
    case 8: kind = .none
    default: throw Failure(.invalidArgument)
    }
    try FileLocks.set(kind, for: file, isWaiting: operation & noWait == 0)
    return 0
  }
}

/// Names that have been looked up, kept in a hash table: most steps of a path walk end here.
///
/// A dentry ("directory entry") is one name of one inode in one directory. It knows its parent, so
/// that `..` and `getcwd` need no directory to be read.
import KernelArch

final class Dentry {
  let inode: Inode
  /// Lock for these: `NameCache.lock`.
  fileprivate(set) var name: [UInt8]
  fileprivate(set) var parent: Dentry?
  /// The name has been removed.
  fileprivate(set) var isDead = false
  /// The next one in the same bucket.
  fileprivate var next: Dentry?

  init(name: [UInt8], parent: Dentry?, inode: Inode) {
    self.name = name
    self.parent = parent
    self.inode = inode
  }
}

enum NameCache {
  private static let lock = SpinLock("names")
  private static let bucketCount = 256
  /// How many names are kept before those that nobody uses go.
  private static let capacity = 2048
  /// Lock for these: `lock`.
  private static let buckets = {
    let heads = UnsafeMutablePointer<Dentry?>.allocate(capacity: bucketCount)
    heads.initialize(repeating: nil, count: bucketCount)
    return heads
  }()
  nonisolated(unsafe) private static var count = 0
  nonisolated(unsafe) private static var hits: UInt64 = 0
  nonisolated(unsafe) private static var misses: UInt64 = 0

  private static func bucket(_ parent: Dentry, _ name: [UInt8]) -> Int {
    var hash = parent.inode.number &* 31 &+ parent.inode.fileSystem.number
    for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return Int(truncatingIfNeeded: hash >> 8) & (bucketCount - 1)
  }

  static func find(_ parent: Dentry, _ name: [UInt8]) -> Dentry? {
    let index = bucket(parent, name)
    return lock.withLock {
      var at = buckets[index]
      while let dentry = at {
        if dentry.parent === parent, dentry.name == name {
          hits += 1
          return dentry
        }
        at = dentry.next
      }
      misses += 1
      return nil
    }
  }

  /// Keeps a name; the caller holds the file system's `tree`, so it cannot be there already.
  static func add(_ parent: Dentry, _ name: [UInt8], _ inode: Inode) -> Dentry {
    let dentry = Dentry(name: name, parent: parent, inode: inode)
    guard parent.inode.keepsNames else { return dentry }
    let index = bucket(parent, name)
    lock.withLock { link(dentry, index) }
    if count > capacity { prune() }
    return dentry
  }

  static func remove(_ dentry: Dentry) {
    guard let parent = dentry.parent else { return }
    let index = bucket(parent, dentry.name)
    lock.withLock {
      unlink(dentry, index)
      dentry.isDead = true
    }
  }

  static func move(_ dentry: Dentry, to parent: Dentry, _ name: [UInt8]) {
    guard let old = dentry.parent else { return }
    let from = bucket(old, dentry.name)
    let to = bucket(parent, name)
    lock.withLock {
      unlink(dentry, from)
      dentry.parent = parent
      dentry.name = name
      link(dentry, to)
    }
  }

  private static func link(_ dentry: Dentry, _ index: Int) {
    dentry.next = buckets[index]
    buckets[index] = dentry
    count += 1
  }

  private static func unlink(_ dentry: Dentry, _ index: Int) {
    var previous: Dentry?
    var at = buckets[index]
    while let here = at, here !== dentry {
      previous = here
      at = here.next
    }
    guard at != nil else { return }
    if let previous { previous.next = dentry.next } else { buckets[index] = dentry.next }
    dentry.next = nil
    count -= 1
  }

  /// Drops the names that only the table knows; parents become so after their children.
  static func prune() {
    var dropped: Dentry?
    lock.withLock {
      for index in 0..<bucketCount {
        dropUnused(&buckets[index], &dropped)
        var at = buckets[index]
        while let here = at {
          dropUnused(&here.next, &dropped)
          at = here.next
        }
      }
    }
    while let dentry = dropped {
      dropped = dentry.next
      dentry.next = nil
    }
  }

  /// Moves those that nobody else knows from the beginning of a chain to another one.
  private static func dropUnused(_ head: inout Dentry?, _ dropped: inout Dentry?) {
    while isKnownUniquelyReferenced(&head), let unused = head {
      head = unused.next
      unused.next = dropped
      dropped = unused
      count -= 1
    }
  }

  /// Drops the names of a file system that is to be unmounted; true when some are still in use.
  static func forgetAll(of fileSystem: FileSystem) -> Bool {
    var left = -1
    while true {
      prune()
      let now = lock.withLock {
        var now = 0
        for index in 0..<bucketCount {
          var at = buckets[index]
          while let dentry = at {
            if dentry.inode.fileSystem === fileSystem { now += 1 }
            at = dentry.next
          }
        }
        return now
      }
      if now == 0 { return false }
      if now == left { return true }
      left = now
    }
  }

  /// The names from the root of its file system to this dentry, and whether it still has them.
  static func names(of dentry: Dentry) -> (names: [[UInt8]], isDead: Bool) {
    var names: [[UInt8]] = []
    var room = 16
    while true {
      names.reserveCapacity(room)
      var isDead = false
      let isComplete: Bool = lock.withLock {
        var at = dentry
        while let parent = at.parent {
          guard names.count < room else { return false }
          names.append(at.name)
          isDead = isDead || at.isDead
          at = parent
        }
        return true
      }
      if isComplete {
        names.reverse()
        return (names, isDead)
      }
      names = []
      room *= 2
    }
  }

  static func parent(of dentry: Dentry) -> Dentry? { lock.withLock { dentry.parent } }

  static var counters: (hits: UInt64, misses: UInt64) { lock.withLock { (hits, misses) } }

  static func describe(_ text: inout Text) {
    let now = lock.withLock { (count, hits, misses) }
    text.append("names \(now.0)\nhits \(now.1)\nmisses \(now.2)\n")
  }
}

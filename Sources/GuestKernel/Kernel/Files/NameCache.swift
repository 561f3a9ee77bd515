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
  nonisolated(unsafe) private static var buckets = [[Dentry]](repeating: [], count: 256)
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
      for dentry in buckets[index] where dentry.parent === parent && dentry.name == name {
        hits += 1
        return dentry
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
    lock.withLock {
      buckets[index].append(dentry)
      count += 1
    }
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
      buckets[to].append(dentry)
      count += 1
    }
  }

  private static func unlink(_ dentry: Dentry, _ index: Int) {
    for (position, other) in buckets[index].enumerated() where other === dentry {
      buckets[index].remove(at: position)
      count -= 1
      return
    }
  }

  /// Drops the names that only the table knows; parents become so after their children.
  static func prune() {
    var dropped: [Dentry] = []
    lock.withLock {
      for index in 0..<bucketCount {
        var position = 0
        while position < buckets[index].count {
          if isKnownUniquelyReferenced(&buckets[index][position]) {
            dropped.append(buckets[index].remove(at: position))
            count -= 1
          } else {
            position += 1
          }
        }
      }
    }
    dropped = []
  }

  /// Drops the names of a file system that is to be unmounted; true when some are still in use.
  static func forgetAll(of fileSystem: FileSystem) -> Bool {
    var left = -1
    while true {
      prune()
      let now = lock.withLock {
        var now = 0
        for bucket in buckets {
          for dentry in bucket where dentry.inode.fileSystem === fileSystem { now += 1 }
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
    lock.withLock {
      var names: [[UInt8]] = []
      var isDead = false
      var at = dentry
      while let parent = at.parent {
        names.append(at.name)
        isDead = isDead || at.isDead
        at = parent
      }
      names.reverse()
      return (names, isDead)
    }
  }

  static func parent(of dentry: Dentry) -> Dentry? { lock.withLock { dentry.parent } }

  static var counters: (hits: UInt64, misses: UInt64) { lock.withLock { (hits, misses) } }

  static func describe(_ text: inout Text) {
    let now = lock.withLock { (count, hits, misses) }
    text.append("names \(now.0)\nhits \(now.1)\nmisses \(now.2)\n")
  }
}

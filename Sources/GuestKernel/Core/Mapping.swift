/// What a program may do with a page, with the numbers of Linux (PROT_READ and so on).
package struct Protection: OptionSet, Equatable, BitwiseCopyable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
  package static let read = Protection(rawValue: 1)
  package static let write = Protection(rawValue: 2)
  package static let execute = Protection(rawValue: 4)
  /// mprotect: the change reaches down to the start of an area that grows down.
  package static let growsDown = Protection(rawValue: 0x0100_0000)

  /// To be written and run: no page is ever both.
  package var isWritableCode: Bool { isSuperset(of: [.write, .execute]) }
}

/// How `mmap` is to map, with the numbers of Linux (MAP_SHARED and so on).
package struct MapFlags: OptionSet, Equatable, BitwiseCopyable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
  package static let shared = MapFlags(rawValue: 1)
  package static let `private` = MapFlags(rawValue: 2)
  /// Exactly there; what was mapped there goes.
  package static let fixed = MapFlags(rawValue: 0x10)
  package static let anonymous = MapFlags(rawValue: 0x20)
  package static let growsDown = MapFlags(rawValue: 0x100)
  package static let locked = MapFlags(rawValue: 0x2000)
  /// Not counted against the commit limit.
  package static let noReserve = MapFlags(rawValue: 0x4000)
  /// Every page now, not at its first touch.
  package static let populate = MapFlags(rawValue: 0x8000)
  package static let stack = MapFlags(rawValue: 0x2_0000)
  /// In pages of 2 MiB.
  package static let hugePages = MapFlags(rawValue: 0x4_0000)
  /// Exactly there, or not at all.
  package static let fixedNoReplace = MapFlags(rawValue: 0x10_0000)
}

/// What `mlockall` is to lock, with the numbers of Linux.
package struct LockFlags: OptionSet, BitwiseCopyable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }
  /// What is mapped now.
  package static let current = LockFlags(rawValue: 1)
  /// What will be mapped from now on.
  package static let future = LockFlags(rawValue: 2)
}

/// What `madvise` is told, with the numbers of Linux.
package enum MemoryAdvice: UInt64 {
  case normal = 0
  case willNeed = 3
  /// The contents are not needed any more: the next touch finds zeroes, or the file.
  case dontNeed = 4
  case hugePage = 14
  case noHugePage = 15
}

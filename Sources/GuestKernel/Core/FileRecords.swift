/// What files look like across the system call boundary: the kernel and the programs share these.
///
/// Flags and numbers are those of Linux on x86-64, so that what a reader knows from there holds here.

/// What `open` is asked for.
package struct OpenFlags: OptionSet, BitwiseCopyable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let readOnly: OpenFlags = []
  package static let writeOnly = OpenFlags(rawValue: 0o1)
  package static let readWrite = OpenFlags(rawValue: 0o2)
  package static let create = OpenFlags(rawValue: 0o100)
  /// With `create`: fails when the file is there already.
  package static let exclusive = OpenFlags(rawValue: 0o200)
  package static let truncate = OpenFlags(rawValue: 0o1000)
  /// Each write goes to the end, wherever that is by then.
  package static let append = OpenFlags(rawValue: 0o2000)
  package static let nonBlocking = OpenFlags(rawValue: 0o4000)
  /// Each write returns only when its bytes are on the disk.
  package static let synchronous = OpenFlags(rawValue: 0o10000)
  /// SIGIO when input or room arrives (O_ASYNC).
  package static let asynchronous = OpenFlags(rawValue: 0o20000)
  package static let directory = OpenFlags(rawValue: 0o200000)
  package static let noFollow = OpenFlags(rawValue: 0o400000)
  package static let closeOnExec = OpenFlags(rawValue: 0o2000000)

  package var canRead: Bool { rawValue & 3 != 1 }
  package var canWrite: Bool { rawValue & 3 != 0 }
}

/// How the calls whose names end in `at` treat their path: it begins at an open directory.
package struct AtFlags: OptionSet, BitwiseCopyable {
  package let rawValue: UInt64
  package init(rawValue: UInt64) { self.rawValue = rawValue }

  /// AT_FDCWD: not a descriptor, but the working directory.
  package static let workingDirectory: Int32 = -100
  /// A symbolic link is meant itself.
  package static let noFollow = AtFlags(rawValue: 0x100)
  /// `unlinkat` removes a directory.
  package static let removeDirectory = AtFlags(rawValue: 0x200)
  /// `faccessat2` asks for the effective user.
  package static let effective = AtFlags(rawValue: 0x200)
  /// `linkat` gives the name to what a link leads to.
  package static let follow = AtFlags(rawValue: 0x400)
  /// With an empty path the descriptor itself is meant.
  package static let emptyPath = AtFlags(rawValue: 0x1000)
}

/// What a file is, and who may do what with it: the 16 bits of `st_mode`.
package struct FileMode: Equatable, BitwiseCopyable {
  package var rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }
  package init(_ kind: FileKind, permissions: UInt16) {
    rawValue = kind.rawValue << 12 | permissions & 0o7777
  }

  package var kind: FileKind { FileKind(rawValue: rawValue >> 12) ?? .regular }
  package var permissions: UInt16 {
    get { rawValue & 0o7777 }
    set { rawValue = rawValue & 0xf000 | newValue & 0o7777 }
  }
}

package enum FileKind: UInt16 {
  case pipe = 1
  case characterDevice = 2
  case directory = 4
  case blockDevice = 6
  case regular = 8
  case symbolicLink = 10
  case socket = 12

  /// The first letter of a line of `ls -l`.
  package var letter: UInt8 {
    switch self {
    case .pipe: 0x70
    case .characterDevice: 0x63
    case .directory: 0x64
    case .blockDevice: 0x62
    case .regular: 0x2d
    case .symbolicLink: 0x6c
    case .socket: 0x73
    }
  }
}

/// A device's number: which driver (major), and which of its devices (minor).
package struct DeviceNumber: Equatable, BitwiseCopyable {
  package var rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
  package init(_ major: UInt32, _ minor: UInt32) { rawValue = major << 20 | minor & 0xfffff }
  package var major: UInt32 { rawValue >> 20 }
  package var minor: UInt32 { rawValue & 0xfffff }
}

/// What `stat` fills in.
package struct FileStatus: BitwiseCopyable {
  package var fileSystem: UInt64 = 0
  package var inode: UInt64 = 0
  package var mode = FileMode(rawValue: 0)
  package var reserved: UInt16 = 0
  package var links: UInt32 = 0
  package var userID: UInt32 = 0
  package var groupID: UInt32 = 0
  /// Of a device file.
  package var device = DeviceNumber(rawValue: 0)
  package var blockSize: UInt32 = 4096
  package var size: UInt64 = 0
  /// In units of 512 bytes.
  package var blocks: UInt64 = 0
  /// Nanoseconds since 1970.
  package var accessed: UInt64 = 0
  package var modified: UInt64 = 0
  package var changed: UInt64 = 0
  package init() {}
}

/// What `statfs` fills in.
package struct FileSystemStatus: BitwiseCopyable {
  package var blockSize: UInt64 = 4096
  package var blocks: UInt64 = 0
  package var freeBlocks: UInt64 = 0
  package var inodes: UInt64 = 0
  package var freeInodes: UInt64 = 0
  package var name = RecordName(repeating: 0)
  package init() {}
}

/// One name in a directory.
///
/// `getdents64` fills memory with these as Linux lays them out: inode (8 bytes), position of the next
/// one (8), length of the record (2), kind (1), the name and a NUL, then padding to 8 bytes.
package struct DirectoryEntry {
  package var inode: UInt64
  /// Where a listing goes on after this entry.
  package var next: UInt64
  package var kind: FileKind
  package var name: [UInt8]

  package init(inode: UInt64, next: UInt64, kind: FileKind, name: [UInt8]) {
    self.inode = inode
    self.next = next
    self.kind = kind
    self.name = name
  }

  private static let headerSize = 19
  package var recordSize: Int { (DirectoryEntry.headerSize + name.count + 1 + 7) & ~7 }

  package func append(to bytes: inout [UInt8]) {
    let end = bytes.count + recordSize
    for shift in stride(from: 0 as UInt64, to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: inode >> shift))
    }
    for shift in stride(from: 0 as UInt64, to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: next >> shift))
    }
    bytes.append(UInt8(truncatingIfNeeded: recordSize))
    bytes.append(UInt8(truncatingIfNeeded: recordSize >> 8))
    bytes.append(UInt8(kind.rawValue))
    bytes += name
    while bytes.count < end { bytes.append(0) }
  }

  /// Reads the records of a whole answer of `getdents64`.
  package static func parse(_ bytes: [UInt8]) -> [DirectoryEntry] {
    var entries: [DirectoryEntry] = []
    var at = 0
    while at + headerSize < bytes.count {
      var inode: UInt64 = 0
      var next: UInt64 = 0
      for index in 0..<8 {
        inode |= UInt64(bytes[at + index]) << UInt64(index * 8)
        next |= UInt64(bytes[at + 8 + index]) << UInt64(index * 8)
      }
      let size = Int(bytes[at + 16]) | Int(bytes[at + 17]) << 8
      guard size > headerSize, at + size <= bytes.count else { break }
      var name: [UInt8] = []
      for byte in bytes[at + headerSize..<at + size] {
        if byte == 0 { break }
        name.append(byte)
      }
      entries.append(
        DirectoryEntry(
          inode: inode, next: next, kind: FileKind(rawValue: UInt16(bytes[at + 18])) ?? .regular,
          name: name))
      at += size
    }
    return entries
  }
}

/// Where `lseek` counts from.
package enum SeekOrigin: UInt64 {
  case start = 0
  case current = 1
  case end = 2
}

/// What `poll` waits for, and what it says.
package struct PollEvents: OptionSet, BitwiseCopyable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let readable = PollEvents(rawValue: 0x1)
  package static let writable = PollEvents(rawValue: 0x4)
  package static let error = PollEvents(rawValue: 0x8)
  /// The other end is gone.
  package static let hangUp = PollEvents(rawValue: 0x10)
  package static let invalid = PollEvents(rawValue: 0x20)
}

/// One descriptor that `poll` looks at: Linux's `struct pollfd`.
package struct PollRecord: BitwiseCopyable {
  package var descriptor: Int32
  package var events: PollEvents
  package var answer = PollEvents(rawValue: 0)

  package init(descriptor: Int32, events: PollEvents) {
    self.descriptor = descriptor
    self.events = events
  }
}

/// What `epoll_ctl` is told and `epoll_wait` tells: twelve bytes, as Linux packs `struct epoll_event`.
package struct EventRecord: BitwiseCopyable {
  package var events: UInt32
  private var low: UInt32
  private var high: UInt32

  private static let edgeTriggered: UInt32 = 1 << 31
  private static let oneShot: UInt32 = 1 << 30

  package init(
    _ events: PollEvents = [], data: UInt64 = 0, isEdgeTriggered: Bool = false,
    isOneShot: Bool = false
  ) {
    self.events = UInt32(events.rawValue)
    if isEdgeTriggered { self.events |= EventRecord.edgeTriggered }
    if isOneShot { self.events |= EventRecord.oneShot }
    low = UInt32(truncatingIfNeeded: data)
    high = UInt32(truncatingIfNeeded: data >> 32)
  }

  /// What the program wants to be told with the event: a number, a pointer.
  package var data: UInt64 { UInt64(high) << 32 | UInt64(low) }
  package var wanted: PollEvents { PollEvents(rawValue: UInt16(truncatingIfNeeded: events)) }
  /// Told at each change, not as long as there is something.
  package var isEdgeTriggered: Bool { events & EventRecord.edgeTriggered != 0 }
  /// Told once, and again only after EPOLL_CTL_MOD.
  package var isOneShot: Bool { events & EventRecord.oneShot != 0 }
  package var isDisarmed: Bool { events & 0xffff == 0 && isOneShot }
  package mutating func disarm() { events &= ~0xffff }
}

package enum EventOperation: Int32 {
  case add = 1
  case remove = 2
  case change = 3
}

package enum DescriptorControl: UInt64 {
  case duplicate = 0
  case getDescriptorFlags = 1
  case setDescriptorFlags = 2
  case getFlags = 3
  case setFlags = 4
  /// Who gets SIGIO.
  case setOwner = 8
  case getOwner = 9
  /// Which signal instead of SIGIO, with a record that names the descriptor.
  case setSignal = 10
  case getSignal = 11
  case duplicateCloseOnExec = 1030
}

/// `ioctl` requests that files of the kernel proper know.
package enum DeviceRequest {
  package static let getTerminal: UInt64 = 0x5401
  package static let setTerminal: UInt64 = 0x5402
  /// The process group in the foreground.
  package static let getForeground: UInt64 = 0x540f
  package static let setForeground: UInt64 = 0x5410
  package static let getWindowSize: UInt64 = 0x5413
  package static let setWindowSize: UInt64 = 0x5414
  /// How many bytes can be read now.
  package static let bytesReadable: UInt64 = 0x541b
  /// The size of a block device in bytes.
  package static let blockDeviceSize: UInt64 = 0x8008_1272
  package static let flushBlockDevice: UInt64 = 0x1261
}

/// How a terminal treats what passes through it.
package struct TerminalSettings: BitwiseCopyable, Equatable {
  /// Lines are edited here and handed out whole.
  package var isCanonical: UInt8 = 1
  package var echoes: UInt8 = 1
  /// Ctrl-C, Ctrl-\ and Ctrl-Z become signals.
  package var makesSignals: UInt8 = 1
  /// A carriage return that is typed becomes a newline.
  package var mapsReturn: UInt8 = 1
  package init() {}

  /// Bytes as they come, for programs that do the editing: Ctrl-C still interrupts.
  package static var raw: TerminalSettings {
    var settings = TerminalSettings()
    settings.isCanonical = 0
    settings.echoes = 0
    settings.mapsReturn = 0
    return settings
  }
}

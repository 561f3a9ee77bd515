/// Flags and numbers of system calls by name, as Linux's headers call them.
package struct FlagNames {
  /// A value of the bits under its mask; with a mask of all bits it is a plain number.
  fileprivate struct Name {
    let value: UInt64
    let mask: UInt64
    let name: StaticString
  }

  fileprivate let names: [Name]
  /// What is said when no bit is set.
  fileprivate let none: StaticString

  /// Names of single bits.
  private init(bits: [(UInt64, StaticString)], none: StaticString = "0") {
    names = bits.map { Name(value: $0.0, mask: $0.0, name: $0.1) }
    self.none = none
  }

  /// Names of whole values.
  private init(values: [(UInt64, StaticString)]) {
    names = values.map { Name(value: $0.0, mask: 0xffff_ffff, name: $0.1) }
    none = "0"
  }

  private init(_ names: [Name]) {
    self.names = names
    none = "0"
  }

  /// For the letter of an argument.
  static func of(_ letter: UInt8) -> FlagNames? {
    switch letter {
    case 0x66: open  // f
    case 0x6e: protection  // n
    case 0x6b: mapping  // k
    case 0x77: wait  // w
    case 0x79: at  // y
    case 0x7a: access  // z
    case 0x68: how  // h
    case 0x63: clock  // c
    case 0x71: request  // q
    case 0x21: command  // !
    case 0x23: origin  // #
    case 0x24: resource  // $
    case 0x25: lock  // %
    case 0x26: event  // &
    default: nil
    }
  }

  private static var open: FlagNames {
    let access: [(UInt64, StaticString)] = [(0, "O_RDONLY"), (1, "O_WRONLY"), (2, "O_RDWR")]
    let bits: [(UInt64, StaticString)] = [
      (0o100, "O_CREAT"), (0o200, "O_EXCL"), (0o1000, "O_TRUNC"), (0o2000, "O_APPEND"),
      (0o4000, "O_NONBLOCK"), (0o10000, "O_SYNC"), (0o20000, "O_ASYNC"),
      (0o200000, "O_DIRECTORY"), (0o400000, "O_NOFOLLOW"), (0o2000000, "O_CLOEXEC"),
    ]
    return FlagNames(
      access.map { Name(value: $0.0, mask: 3, name: $0.1) }
        + bits.map { Name(value: $0.0, mask: $0.0, name: $0.1) })
  }

  private static var protection: FlagNames {
    FlagNames(bits: [(1, "PROT_READ"), (2, "PROT_WRITE"), (4, "PROT_EXEC")], none: "PROT_NONE")
  }

  private static var mapping: FlagNames {
    FlagNames(bits: [
      (1, "MAP_SHARED"), (2, "MAP_PRIVATE"), (0x10, "MAP_FIXED"), (0x20, "MAP_ANONYMOUS"),
      (0x100, "MAP_GROWSDOWN"), (0x2000, "MAP_LOCKED"), (0x4000, "MAP_NORESERVE"),
      (0x8000, "MAP_POPULATE"), (0x2_0000, "MAP_STACK"), (0x4_0000, "MAP_HUGETLB"),
      (0x10_0000, "MAP_FIXED_NOREPLACE"),
    ])
  }

  private static var wait: FlagNames {
    FlagNames(bits: [
      (1, "WNOHANG"), (2, "WUNTRACED"), (4, "WEXITED"), (8, "WCONTINUED"),
      (0x0100_0000, "WNOWAIT"),
    ])
  }

  private static var at: FlagNames {
    FlagNames(bits: [
      (0x100, "AT_SYMLINK_NOFOLLOW"), (0x200, "AT_REMOVEDIR"), (0x400, "AT_SYMLINK_FOLLOW"),
      (0x1000, "AT_EMPTY_PATH"),
    ])
  }

  private static var access: FlagNames {
    FlagNames(bits: [(4, "R_OK"), (2, "W_OK"), (1, "X_OK")], none: "F_OK")
  }

  private static var how: FlagNames {
    FlagNames(values: [(0, "SIG_BLOCK"), (1, "SIG_UNBLOCK"), (2, "SIG_SETMASK")])
  }

  private static var clock: FlagNames {
    FlagNames(values: [(0, "CLOCK_REALTIME"), (1, "CLOCK_MONOTONIC"), (7, "CLOCK_BOOTTIME")])
  }

  private static var request: FlagNames {
    FlagNames(values: [
      (DeviceRequest.getTerminal, "TCGETS"), (DeviceRequest.setTerminal, "TCSETS"),
      (DeviceRequest.getForeground, "TIOCGPGRP"), (DeviceRequest.setForeground, "TIOCSPGRP"),
      (DeviceRequest.getWindowSize, "TIOCGWINSZ"), (DeviceRequest.bytesReadable, "FIONREAD"),
      (DeviceRequest.blockDeviceSize, "BLKGETSIZE64"),
      (DeviceRequest.flushBlockDevice, "BLKFLSBUF"),
    ])
  }

  private static var command: FlagNames {
    FlagNames(values: [
      (0, "F_DUPFD"), (1, "F_GETFD"), (2, "F_SETFD"), (3, "F_GETFL"), (4, "F_SETFL"),
      (8, "F_SETOWN"), (9, "F_GETOWN"), (10, "F_SETSIG"), (11, "F_GETSIG"),
      (1030, "F_DUPFD_CLOEXEC"),
    ])
  }

  private static var origin: FlagNames {
    FlagNames(values: [(0, "SEEK_SET"), (1, "SEEK_CUR"), (2, "SEEK_END")])
  }

  private static var resource: FlagNames {
    FlagNames(values: [
      (0, "RLIMIT_CPU"), (1, "RLIMIT_FSIZE"), (2, "RLIMIT_DATA"), (3, "RLIMIT_STACK"),
      (4, "RLIMIT_CORE"), (5, "RLIMIT_RSS"), (6, "RLIMIT_NPROC"), (7, "RLIMIT_NOFILE"),
      (8, "RLIMIT_MEMLOCK"), (9, "RLIMIT_AS"), (11, "RLIMIT_SIGPENDING"),
    ])
  }

  private static var lock: FlagNames {
    FlagNames(bits: [(1, "LOCK_SH"), (2, "LOCK_EX"), (4, "LOCK_NB"), (8, "LOCK_UN")])
  }

  private static var event: FlagNames {
    FlagNames(values: [(1, "EPOLL_CTL_ADD"), (2, "EPOLL_CTL_DEL"), (3, "EPOLL_CTL_MOD")])
  }

  static var action: FlagNames {
    FlagNames(bits: [
      (SignalAction.noChildStop, "SA_NOCLDSTOP"), (SignalAction.noChildWait, "SA_NOCLDWAIT"),
      (SignalAction.information, "SA_SIGINFO"), (0x0400_0000, "SA_RESTORER"),
      (SignalAction.onStack, "SA_ONSTACK"), (SignalAction.restart, "SA_RESTART"),
      (SignalAction.noDefer, "SA_NODEFER"), (SignalAction.resetHandler, "SA_RESETHAND"),
    ])
  }
}

extension SystemCallText {
  /// `O_RDWR|O_CREAT`; what has no name follows as a number.
  mutating func append(_ flags: FlagNames, _ value: UInt64) {
    var rest = value & 0xffff_ffff
    var isEmpty = true
    for entry in flags.names where rest & entry.mask == entry.value {
      // A value of 0 can be one of a few, or the only one.
      guard entry.value != 0 || entry.mask & value & 0xffff_ffff == 0 else { continue }
      if !isEmpty { append("|") }
      isEmpty = false
      append(entry.name)
      rest &= ~entry.mask
    }
    if rest != 0 {
      if !isEmpty { append("|") }
      append(hexadecimal: rest)
    } else if isEmpty {
      append(flags.none)
    }
  }
}

/// Why a system call failed, with the numbers of POSIX systems: a call returns one of these, negative.
package enum SystemError: Int64 {
  case notPermitted = -1
  case notFound = -2
  case noSuchProcess = -3
  case interrupted = -4
  case inputOutput = -5
  case noSuchAddress = -6
  case argumentsTooLong = -7
  case badExecutable = -8
  case badDescriptor = -9
  case noChild = -10
  case tryAgain = -11
  case outOfMemory = -12
  case accessDenied = -13
  case badAddress = -14
  case notBlockDevice = -15
  case busy = -16
  case exists = -17
  case crossDevice = -18
  case noSuchDevice = -19
  case notDirectory = -20
  case isDirectory = -21
  case invalidArgument = -22
  case tooManyFilesInSystem = -23
  case tooManyOpenFiles = -24
  case notTerminal = -25
  case textBusy = -26
  case fileTooLarge = -27
  case noSpace = -28
  case illegalSeek = -29
  case readOnly = -30
  case tooManyHardLinks = -31
  case brokenPipe = -32
  case outOfDomain = -33
  case outOfRange = -34
  case deadlock = -35
  case nameTooLong = -36
  case noLocks = -37
  case noSuchCall = -38
  case notEmpty = -39
  case tooManyLinks = -40
  case overflow = -75
  case badMessage = -74
  case notSupported = -95
  case timedOut = -110
  case inProgress = -115
  case keyRejected = -129
  case ownerDied = -130

  /// In words.
  package var name: StaticString { words.text }

  /// As POSIX calls it.
  package var symbol: StaticString { words.symbol }

  private var words: (symbol: StaticString, text: StaticString) {
    switch self {
    case .notPermitted: ("EPERM", "not permitted")
    case .notFound: ("ENOENT", "no such file or directory")
    case .noSuchProcess: ("ESRCH", "no such process")
    case .interrupted: ("EINTR", "interrupted")
    case .inputOutput: ("EIO", "input/output error")
    case .noSuchAddress: ("ENXIO", "no such device or address")
    case .argumentsTooLong: ("E2BIG", "arguments too long")
    case .badExecutable: ("ENOEXEC", "not a program this kernel can run")
    case .badDescriptor: ("EBADF", "bad file descriptor")
    case .noChild: ("ECHILD", "no such child")
    case .tryAgain: ("EAGAIN", "try again")
    case .outOfMemory: ("ENOMEM", "out of memory")
    case .accessDenied: ("EACCES", "permission denied")
    case .badAddress: ("EFAULT", "bad address")
    case .notBlockDevice: ("ENOTBLK", "not a block device")
    case .busy: ("EBUSY", "busy")
    case .exists: ("EEXIST", "exists already")
    case .crossDevice: ("EXDEV", "on another file system")
    case .noSuchDevice: ("ENODEV", "no such device")
    case .notDirectory: ("ENOTDIR", "not a directory")
    case .isDirectory: ("EISDIR", "is a directory")
    case .invalidArgument: ("EINVAL", "invalid argument")
    case .tooManyFilesInSystem: ("ENFILE", "too many open files in the system")
    case .tooManyOpenFiles: ("EMFILE", "too many open files")
    case .notTerminal: ("ENOTTY", "not for this device")
    case .textBusy: ("ETXTBSY", "program is being run")
    case .fileTooLarge: ("EFBIG", "file too large")
    case .noSpace: ("ENOSPC", "no space left on device")
    case .illegalSeek: ("ESPIPE", "cannot seek")
    case .readOnly: ("EROFS", "read-only file system")
    case .tooManyHardLinks: ("EMLINK", "too many links")
    case .brokenPipe: ("EPIPE", "broken pipe")
    case .outOfDomain: ("EDOM", "argument outside the domain")
    case .outOfRange: ("ERANGE", "result too large")
    case .deadlock: ("EDEADLK", "would deadlock")
    case .nameTooLong: ("ENAMETOOLONG", "file name too long")
    case .noLocks: ("ENOLCK", "no locks left")
    case .noSuchCall: ("ENOSYS", "no such system call")
    case .notEmpty: ("ENOTEMPTY", "directory not empty")
    case .tooManyLinks: ("ELOOP", "too many symbolic links")
    case .overflow: ("EOVERFLOW", "value too large")
    case .badMessage: ("EBADMSG", "bad message")
    case .notSupported: ("EOPNOTSUPP", "not supported")
    case .timedOut: ("ETIMEDOUT", "timed out")
    case .inProgress: ("EINPROGRESS", "in progress")
    case .keyRejected: ("EKEYREJECTED", "key was rejected")
    case .ownerDied: ("EOWNERDEAD", "owner died")
    }
  }
}

/// The structures behind the pointers of system calls, in words.

extension SystemCallText {
  private static let mostStrings = 16

  /// The array of strings that `execve` takes.
  mutating func append(strings address: UInt64, _ fetch: TracedCall.Fetch) {
    guard address != 0 else { return append(address: address) }
    append("[")
    for index in 0..<UInt64(SystemCallText.mostStrings) {
      guard let pointer = fetch(address &+ index * 8, 8)?.word(0, 8) else { break }
      if pointer == 0 { return append("]") }
      if index > 0 { append(", ") }
      append(string: pointer, fetch)
    }
    append(", ...]")
  }

  /// How many strings there are: an environment is long.
  mutating func append(countOf address: UInt64, _ fetch: TracedCall.Fetch) {
    append(address: address)
    guard address != 0 else { return }
    var count: UInt64 = 0
    while count < 4096, let pointer = fetch(address &+ count * 8, 8)?.word(0, 8), pointer != 0 {
      count += 1
    }
    append(" /* ")
    append(decimal: count)
    append(" vars */")
  }

  /// Both ends of a pipe.
  mutating func append(pair address: UInt64, _ fetch: TracedCall.Fetch) {
    guard let bytes = fetch(address, 8), let first = bytes.word(0, 4),
      let second = bytes.word(4, 4)
    else { return append(address: address) }
    append("[")
    append(decimal: first)
    append(", ")
    append(decimal: second)
    append("]")
  }

  /// How a child has ended.
  mutating func append(_ status: ExitStatus) {
    switch status {
    case .exited(let code):
      append("[exited ")
      append(decimal: UInt64(code))
    case .signaled(let signal, _):
      append("[killed by ")
      append(signal: signal.number)
    case .stopped(let signal):
      append("[stopped by ")
      append(signal: signal.number)
    case .continued: append("[continued")
    }
    append("]")
  }

  mutating func append(fileStatus address: UInt64, _ fetch: TracedCall.Fetch) {
    let size = MemoryLayout<FileStatus>.size
    guard let bytes = fetch(address, size), bytes.count == size else {
      return append(address: address)
    }
    let status = bytes.withUnsafeBytes { $0.loadUnaligned(as: FileStatus.self) }
    append("{")
    append(kind: status.mode.kind)
    append(" ")
    append(octal: UInt64(status.mode.permissions))
    append(", size=")
    append(decimal: status.size)
    append("}")
  }

  private mutating func append(kind: FileKind) {
    switch kind {
    case .pipe: append("S_IFIFO")
    case .characterDevice: append("S_IFCHR")
    case .directory: append("S_IFDIR")
    case .blockDevice: append("S_IFBLK")
    case .regular: append("S_IFREG")
    case .symbolicLink: append("S_IFLNK")
    case .socket: append("S_IFSOCK")
    }
  }

  /// What is a structure of words, by its letter; any other pointer as it is.
  mutating func append(record letter: UInt8, _ address: UInt64, _ fetch: TracedCall.Fetch) {
    let size: Int
    switch letter {
    case 0x61: size = 32  // a: sigaction
    case 0x74: size = 16  // t: timespec
    case 0x69: size = 32  // i: an interval and a time
    case 0x6d: size = 8  // m: a set of signals
    case 0x72: size = 16  // r: a limit
    case 0x6a: size = MemoryLayout<SignalRecord>.size  // j: siginfo
    default: return append(address: address)
    }
    guard address != 0, let bytes = fetch(address, size), bytes.count == size else {
      return append(address: address)
    }
    let words = stride(from: 0, to: size, by: 8).map { bytes.word($0, 8) ?? 0 }
    switch letter {
    case 0x61: append(action: words)
    case 0x6d: append(set: words[0])
    case 0x6a: append(information: bytes)
    case 0x72: append(limits: words)
    default: append(numbers: words)
    }
  }

  private mutating func append(numbers: [UInt64]) {
    append("{")
    for (index, number) in numbers.enumerated() {
      if index > 0 { append(", ") }
      append(signed: Int64(bitPattern: number))
    }
    append("}")
  }

  private mutating func append(limits: [UInt64]) {
    append("{")
    for (index, limit) in limits.enumerated() {
      if index > 0 { append(", ") }
      if limit == ResourceLimit.infinity { append("RLIM_INFINITY") } else { append(decimal: limit) }
    }
    append("}")
  }

  /// Handler, flags, restorer, mask.
  private mutating func append(action words: [UInt64]) {
    append("{")
    switch words[0] {
    case SignalAction.isDefault: append("SIG_DFL")
    case SignalAction.ignore: append("SIG_IGN")
    default: append(address: words[0])
    }
    append(", ")
    append(set: words[3])
    append(", ")
    append(FlagNames.action, words[1])
    append("}")
  }

  private mutating func append(set: UInt64) {
    append("[")
    var isFirst = true
    for number in 1...Signal.count where set >> UInt64(number - 1) & 1 != 0 {
      if !isFirst { append(" ") }
      isFirst = false
      append(signal: number)
    }
    append("]")
  }

  private mutating func append(information bytes: [UInt8]) {
    let record = bytes.withUnsafeBytes { $0.loadUnaligned(as: SignalRecord.self) }
    append("{")
    append(signal: record.signal)
    append(", code=")
    append(signed: Int64(record.code))
    append(", pid=")
    append(signed: Int64(record.pid))
    append(", value=")
    append(decimal: record.value)
    append("}")
  }
}

/// What this kernel is called, and what its machine is called: uname, sethostname.
import KernelArch

enum KernelName {
  static let system: StaticString = "Apus"
  static let release: StaticString = "1.0"
  static let machine: StaticString = "x86_64"
  /// Of each part of the record, the NUL included.
  static let longest = 65

  private static let lock = SpinLock("host name")
  /// Lock: `lock`.
  nonisolated(unsafe) private static var host = [UInt8](text: "apus")

  static var hostName: [UInt8] { lock.withLock { host } }

  static func rename(_ name: [UInt8]) throws(SystemFailure) {
    guard Permission.caller.userID == 0 else { throw SystemFailure(.notPermitted) }
    guard !name.isEmpty, name.count < longest, !name.contains(0) else {
      throw SystemFailure(.invalidArgument)
    }
    lock.withLock { host = name }
  }

  /// Which sources and configuration it was built from, and its kind.
  static var version: [UInt8] {
    var line: TextLine = "#"
    line.append(
      bytes: Array(UnsafeRawBufferPointer(start: address_of_module_identity(), count: 16)))
    if Configuration.SMP { line.append(" SMP") }
    if Configuration.PREEMPTION { line.append(" PREEMPT") }
    return line.withBytes { Array($0) }
  }

  static func start() {
    ProcFS.add(
      "sys/kernel/hostname",
      write: { bytes in
        do throws(SystemFailure) {
          try rename(Array(bytes.prefix { $0 != 0x0a }))
          return nil
        } catch { return error.error }
      }
    ) { $0.append("\(text: hostName)\n") }
    ProcFS.add("sys/kernel/osrelease") { $0.append("\(release)\n") }
  }
}

extension SystemCalls {
  /// uname(record): six strings in 65 bytes each, of which Linux has the sixth: the domain.
  static func describeKernel(_ record: UInt64) throws(SystemFailure) -> UInt64 {
    var bytes: [UInt8] = []
    for text in [
      [UInt8](text: KernelName.system), KernelName.hostName, [UInt8](text: KernelName.release),
      KernelName.version, [UInt8](text: KernelName.machine), [UInt8](text: "(none)"),
    ] {
      bytes += text.prefix(KernelName.longest - 1)
      let end = (bytes.count / KernelName.longest + 1) * KernelName.longest
      bytes += [UInt8](repeating: 0, count: end - bytes.count)
    }
    guard UserMemory.write(bytes, to: record) else { throw SystemFailure(.badAddress) }
    return 0
  }

  static func setHostName(_ name: UInt64, _ length: UInt64) throws(SystemFailure) -> UInt64 {
    guard length < UInt64(KernelName.longest) else { throw SystemFailure(.invalidArgument) }
    guard let bytes = UserMemory.read(name, count: length) else {
      throw SystemFailure(.badAddress)
    }
    try KernelName.rename(bytes)
    return 0
  }
}

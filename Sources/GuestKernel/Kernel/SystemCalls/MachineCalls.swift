/// What programs ask about the machine as a whole: its name, its memory, the time it has spent on
/// them, a random number; and how they end it.
import KernelArch

extension SystemCalls {
  private static let nameLock = SpinLock("node name")
  /// Lock: `nameLock`.
  nonisolated(unsafe) private static var nodeName = [UInt8](text: "apus")

  static var node: [UInt8] { nameLock.withLock { nodeName } }

  static func uname(_ address: UInt64) throws(Failure) -> UInt64 {
    guard UserMemory.write(SystemIdentity.record(node: node), to: address) else {
      throw Failure(.badAddress)
    }
    return 0
  }

  static func setNodeName(_ address: UInt64, _ length: UInt64) throws(Failure) -> UInt64 {
    guard Permission.caller.userID == 0 else { throw Failure(.notPermitted) }
    guard length <= UInt64(SystemIdentity.longestNode) else { throw Failure(.invalidArgument) }
    guard let name = UserMemory.read(address, count: length) else { throw Failure(.badAddress) }
    // Freed behind the lock.
    let old = nameLock.withLock {
      let old = nodeName
      nodeName = name
      return old
    }
    _ = old
    return 0
  }

  /// `sysinfo`, as on Linux: seconds, three loads that nobody computes, bytes of memory and swap.
  static func machineInformation(_ address: UInt64) throws(Failure) -> UInt64 {
    var words = [UInt64](repeating: 0, count: 14)
    words[0] = Clock.nanoseconds / 1_000_000_000
    words[4] = Frames.usable
    words[5] = Frames.freeBytes
    words[8] = UInt64(Swap.usedSlots + Swap.freeSlots) * pageSize
    words[9] = UInt64(Swap.freeSlots) * pageSize
    words[10] = UInt64(min(Processes.all.count, Int(UInt16.max)))
    words[13] = 1  // bytes in a unit
    guard words.withUnsafeBytes({ UserMemory.write($0, to: address) }) else {
      throw Failure(.badAddress)
    }
    return 0
  }

  /// The ticks of the process and of its children that were waited for, and those since boot.
  ///
  /// What the kernel does for a program counts as the program's.
  static func processTimes(_ address: UInt64) throws(Failure) -> UInt64 {
    let process = Process.current
    let own = process.processorTime / Clock.nanosecondsPerTick
    let children = process.usage.childrenNanoseconds / Clock.nanosecondsPerTick
    if address != 0 {
      let words: [UInt64] = [own, 0, children, 0]
      guard words.withUnsafeBytes({ UserMemory.write($0, to: address) }) else {
        throw Failure(.badAddress)
      }
    }
    return Clock.nanoseconds / Clock.nanosecondsPerTick
  }

  /// The processor that the caller runs on, for what that is worth a moment later; its node is 0.
  static func currentProcessor(_ processor: UInt64, _ node: UInt64) throws(Failure) -> UInt64 {
    let index = UInt32(CPU.current.index)
    if processor != 0 { try UserMemory.put(index, at: processor) }
    if node != 0 { try UserMemory.put(UInt32(0), at: node) }
    return 0
  }

  /// The flags say how long to wait for randomness; there is always some.
  static func randomBytes(
    _ address: UInt64, _ count: UInt64, _ flags: UInt64
  ) throws(Failure) -> UInt64 {
    guard flags & ~7 == 0 else { throw Failure(.invalidArgument) }
    var done: UInt64 = 0
    var chunk = [UInt8](repeating: 0, count: 256)
    while done < min(count, 1 << 31) {
      chunk.withUnsafeMutableBytes { Randomness.fill($0) }
      let length = min(count - done, UInt64(chunk.count))
      let isWritten = chunk.withUnsafeBytes {
        UserMemory.write(
          UnsafeRawBufferPointer(rebasing: $0[0..<Int(length)]), to: address &+ done)
      }
      guard isWritten else {
        if done > 0 { return done }
        throw Failure(.badAddress)
      }
      done += length
    }
    return done
  }

  /// `reboot`, as on Linux: two magic words, lest it happens by accident.
  static func restart(_ magic: UInt64, _ more: UInt64, _ command: UInt64) throws(Failure) -> UInt64
  {
    guard Permission.caller.userID == 0 else { throw Failure(.notPermitted) }
    guard UInt32(truncatingIfNeeded: magic) == 0xFEE1_DEAD,
      [0x2812_1969, 0x0512_1996, 0x1604_1998, 0x2011_2000].contains(
        UInt32(truncatingIfNeeded: more))
    else { throw Failure(.invalidArgument) }
    switch UInt32(truncatingIfNeeded: command) {
    case 0x0123_4567: Power.reboot()
    case 0x4321_FEDC, 0xCDEF_0123: Power.off()
    default: throw Failure(.invalidArgument)
    }
  }
}

/// Swap space: swapon, swapoff.
import KernelArch

extension SystemCalls {
  /// swapon(path, flags): a file or a disk; "zram:PAGES" is compressed memory.
  static func swapOn(_ path: UInt64, _ flags: UInt64) throws(SystemFailure) -> UInt64 {
    try Permission.checkSuperuser()
    try Swap.use(try UserMemory.path(path))
    return 0
  }

  /// swapoff(path): everything comes back into memory first.
  static func swapOff(_ path: UInt64) throws(SystemFailure) -> UInt64 {
    guard Configuration.SWAP else { throw SystemFailure(.noSuchCall) }
    try Permission.checkSuperuser()
    let name = try UserMemory.path(path)
    guard let area = Swap.area, area.name == name else { throw SystemFailure(.invalidArgument) }
    try Swap.leave()
    return 0
  }
}

extension Swap {
  /// Begins to swap to a file or a disk, or to compressed memory.
  static func use(_ name: [UInt8]) throws(SystemFailure) {
    guard Configuration.SWAP else { throw SystemFailure(.noSuchCall) }
    guard let area = try makeArea(name) else { throw SystemFailure(.invalidArgument) }
    guard start(area) else { throw SystemFailure(.busy) }
    log("memory", "swapping to \(text: name), \(area.slots) pages")
  }

  /// Stops swapping, when everything is back in memory.
  static func leave() throws(SystemFailure) {
    guard area != nil else { throw SystemFailure(.invalidArgument) }
    guard close() else { throw SystemFailure(.outOfMemory) }
  }

  private static func makeArea(_ name: [UInt8]) throws(SystemFailure) -> SwapArea? {
    if Configuration.COMPRESSED_SWAP, name.starts(with: "zram:") {
      guard let slots = Array(name.dropFirst(5)).decimal, slots > 0, slots <= 1 << 20 else {
        return nil
      }
      return CompressedSwap(slots: Int(slots), name: name)
    }
    if try PathWalk.resolve(name).inode.kind == .blockDevice {
      let device = try BlockDevices.find(name)
      try device.claim()
      guard let area = DiskSwap(device, name: name) else {
        device.unclaim()
        return nil
      }
      return area
    }
    let file = try Namespace.open(name, .readWrite, permissions: 0)
    do throws(SystemFailure) {
      if let area = try FileSwap(file, name: name) { return area }
    } catch {
      file.drop()
      throw error
    }
    file.drop()
    return nil
  }
}

/// Block devices: disks that are read and written by the sector, through a queue of requests.
///
/// Requests wait in an elevator, which sorts them and merges neighbours; the driver takes the next run
/// whenever its hardware has room and reports its end, usually from an interrupt.
import KernelArch

let sectorSize: UInt64 = 512

/// One transfer between a disk and memory that lies in the kernel's direct map, or at least within one
/// page.
final class DiskRequest {
  let sector: UInt64
  let count: UInt64
  let isWrite: Bool
  let bytes: UnsafeMutableRawPointer
  // Written before `done` is completed.
  fileprivate(set) var error: SystemError?
  fileprivate let done = Completion()

  init(sector: UInt64, count: UInt64, isWrite: Bool, bytes: UnsafeMutableRawPointer) {
    self.sector = sector
    self.count = count
    self.isWrite = isWrite
    self.bytes = bytes
  }
}

/// Requests that the driver is to serve as one.
final class DiskTransfer {
  let run: Elevator.Run
  let requests: [DiskRequest]
  init(_ run: Elevator.Run, _ requests: [DiskRequest]) {
    self.run = run
    self.requests = requests
  }
}

class BlockDevice {
  let name: [UInt8]
  let sectorCount: UInt64
  let number: DeviceNumber
  private final let lock = SpinLock("request queue", usesReserve: true)
  // Lock for all of these: `lock`, also from interrupts.
  private final var elevator = Elevator(maximumSectors: 256, maximumMembers: 30)
  private final var waiting: [DiskRequest?] = []
  private final var inFlight = 0
  private final var reads: UInt64 = 0
  private final var writes: UInt64 = 0
  private final var sectorsRead: UInt64 = 0
  private final var sectorsWritten: UInt64 = 0
  private final var transfers: UInt64 = 0
  private final var flushes: UInt64 = 0
  private final var isClaimed = false
  private final var writers = 0
  // Tells of each transfer, for who watches. Set by a demonstration.
  final var observer: ((DiskTransfer) -> Void)?

  init(_ name: [UInt8], sectorCount: UInt64, number: DeviceNumber) {
    self.name = name
    self.sectorCount = sectorCount
    self.number = number
  }

  // MARK: For the driver

  /// How many transfers the hardware takes at once.
  var maximumInFlight: Int { 1 }
  /// Starts a transfer; `finish` is to be called when it has ended.
  func start(_ transfer: DiskTransfer) {}
  /// Returns when everything written so far is safe.
  func flushHardware() throws(SystemFailure) {}

  /// The driver calls `dispatch` afterwards, unless it is still in `start`.
  final func finish(_ transfer: DiskTransfer, _ error: SystemError?) {
    lock.withLockIRQ { inFlight -= 1 }
    for request in transfer.requests {
      request.error = error
      request.done.completeAll()
    }
  }

  // MARK: Who has it for himself

  /// Takes the disk for a file system or for swap; fails while another has it, or a file writes to it.
  final func claim() throws(SystemFailure) {
    let isFree = lock.withLockIRQ {
      guard !isClaimed, writers == 0 else { return false }
      isClaimed = true
      return true
    }
    guard isFree else { throw SystemFailure(.busy) }
  }

  final func unclaim() { lock.withLockIRQ { isClaimed = false } }

  /// Notes an open file that writes to the disk; fails while somebody else trusts its contents.
  fileprivate final func beginWriting() throws(SystemFailure) {
    let isFree = lock.withLockIRQ {
      guard !isClaimed else { return false }
      writers += 1
      return true
    }
    guard isFree else { throw SystemFailure(.busy) }
  }

  fileprivate final func endWriting() { lock.withLockIRQ { writers -= 1 } }

  // MARK: For everybody

  /// Queues requests, all before the first one starts, so that neighbours meet; waits for all.
  final func perform(_ requests: [DiskRequest]) throws(SystemFailure) {
    for request in requests {
      guard request.sector < sectorCount, request.count <= sectorCount - request.sector else {
        throw SystemFailure(.inputOutput)
      }
    }
    lock.withLockIRQ { for request in requests { add(request) } }
    dispatch()
    for request in requests {
      request.done.wait()
      if let error = request.error { throw SystemFailure(error) }
    }
  }

  final func flush() throws(SystemFailure) {
    lock.withLockIRQ { flushes += 1 }
    try flushHardware()
  }

  private final func add(_ request: DiskRequest) {
    var place = 0
    while place < waiting.count, waiting[place] != nil { place += 1 }
    if place == waiting.count { waiting.append(nil) }
    waiting[place] = request
    elevator.add(
      sector: request.sector, count: request.count, isWrite: request.isWrite, member: place)
    if request.isWrite {
      writes += 1
      sectorsWritten += request.count
    } else {
      reads += 1
      sectorsRead += request.count
    }
  }

  /// Gives the hardware what it has room for; also called when a transfer has ended.
  final func dispatch() {
    while let transfer = takeNext() {
      observer?(transfer)
      start(transfer)
    }
  }

  private final func takeNext() -> DiskTransfer? {
    lock.withLockIRQ {
      guard inFlight < maximumInFlight, let run = elevator.next() else { return nil }
      var requests: [DiskRequest] = []
      for member in run.members {
        if let request = waiting[member] { requests.append(request) }
        waiting[member] = nil
      }
      transfers += 1
      inFlight += 1
      return DiskTransfer(run, requests)
    }
  }

  final var statistics: (requests: UInt64, merges: UInt64, transfers: UInt64, flushes: UInt64) {
    lock.withLockIRQ { (reads + writes, elevator.merges, transfers, flushes) }
  }

  fileprivate final func describe(_ text: inout Text) {
    let line: TextLine = lock.withLockIRQ {
      "\(number.major, width: 3) \(number.minor, width: 3) \(text: name) \(reads) \(sectorsRead) \(writes) \(sectorsWritten) \(elevator.merges) \(transfers) \(flushes)\n"
    }
    text.append(line)
  }
}

/// Reading and writing any number of sectors.
extension BlockDevice {
  final func transfer(
    _ sector: UInt64, _ count: UInt64, isWrite: Bool, _ bytes: UnsafeMutableRawPointer
  ) throws(SystemFailure) {
    var requests: [DiskRequest] = []
    var done: UInt64 = 0
    // A page at a time: only within a page is memory certainly contiguous.
    while done < count {
      let at = bytes + Int(done * sectorSize)
      let left = pageSize - UInt64(UInt(bitPattern: at)) % pageSize
      let part = min(count - done, max(1, left / sectorSize))
      requests.append(
        DiskRequest(sector: sector + done, count: part, isWrite: isWrite, bytes: at))
      done += part
    }
    try perform(requests)
  }
}

/// All block devices, and their files.
enum BlockDevices {
  private static let lock = SpinLock("block devices", usesReserve: true)
  // Lock: `lock`.
  nonisolated(unsafe) private static var all: [BlockDevice] = []

  @discardableResult
  static func add(_ device: BlockDevice, parent: Device? = nil) -> Device {
    lock.withLock { all.append(device) }
    let entry = DeviceNodes.announce(
      device.name, .blockDevice, device.number, permissions: 0o660, className: "block",
      parent: parent)
    entry.addAttribute("size") { $0.append("\(device.sectorCount)\n") }
    entry.addAttribute("stat") { device.describe(&$0) }
    log("block", "\(text: device.name): \(size: device.sectorCount * sectorSize)")
    return entry
  }

  static func remove(_ device: BlockDevice, _ entry: Device) {
    lock.withLock { all.removeAll { $0 === device } }
    Devices.remove(entry)
  }

  static var list: [BlockDevice] { lock.withLock { all } }

  static func find(_ number: DeviceNumber) -> BlockDevice? {
    for device in list where device.number == number { return device }
    return nil
  }

  /// The device whose file has this path.
  static func find(_ path: [UInt8]) throws(SystemFailure) -> BlockDevice {
    let inode = try PathWalk.resolve(path).inode
    guard inode.kind == .blockDevice else { throw SystemFailure(.notBlockDevice) }
    guard let device = find(inode.device) else { throw SystemFailure(.noSuchAddress) }
    return device
  }

  static func open(
    _ inode: Inode, _ flags: OpenFlags, _ path: Path?
  ) throws(SystemFailure) -> OpenFile {
    guard let device = find(inode.device) else { throw SystemFailure(.noSuchAddress) }
    if flags.canWrite { try device.beginWriting() }
    return BlockFile(device, inode, flags, path)
  }

  static func describe(_ text: inout Text) {
    for device in list { text.append("\(device.number.major, width: 3) \(text: device.name)\n") }
  }

  static func start() {
    ProcFS.add("diskstats") { text in
      text.append(
        "major minor name reads sectors-read writes sectors-written merges transfers flushes\n")
      for device in list { device.describe(&text) }
    }
    ProcFS.add("partitions") { text in
      text.append("major minor  KiB name\n")
      for device in list {
        text.append(
          "\(device.number.major, width: 5) \(device.number.minor, width: 5) \(device.sectorCount / 2, width: 8) \(text: device.name)\n"
        )
      }
    }
  }
}

/// An open disk: bytes at any position, read and written through a buffer of whole sectors.
final class BlockFile: OpenFile {
  let device: BlockDevice
  private let lock = Mutex("block file")
  // Lock: `lock`.
  private var position: UInt64 = 0
  private let buffer: UnsafeMutableRawPointer

  init(_ device: BlockDevice, _ inode: Inode, _ flags: OpenFlags, _ path: Path?) {
    self.device = device
    buffer = .allocate(byteCount: Int(pageSize), alignment: Int(pageSize))
    super.init(inode, flags, path)
  }

  override var isStream: Bool { false }
  private var size: UInt64 { device.sectorCount * sectorSize }

  override func read(into target: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
    lock.lock()
    defer { lock.unlock() }
    let count = try readPart(at: position, target)
    position += UInt64(count)
    return count
  }

  override func read(
    at position: UInt64, into target: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    lock.lock()
    defer { lock.unlock() }
    return try readPart(at: position, target)
  }

  override func write(_ source: UnsafeRawBufferPointer) throws(SystemFailure) -> Int {
    lock.lock()
    defer { lock.unlock() }
    let count = try writePart(at: position, source)
    position += UInt64(count)
    return count
  }

  override func write(
    at position: UInt64, _ source: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int {
    lock.lock()
    defer { lock.unlock() }
    return try writePart(at: position, source)
  }

  /// The sectors around some bytes, at most a page of them.
  private func span(_ position: UInt64, _ count: Int) -> (
    first: UInt64, sectors: UInt64, bytes: Int
  ) {
    let first = position / sectorSize
    let offset = position % sectorSize
    let bytes = min(UInt64(count), size - position, pageSize - offset)
    return (first, (offset + bytes + sectorSize - 1) / sectorSize, Int(bytes))
  }

  private func readPart(
    at position: UInt64, _ target: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    guard position < size, let base = target.baseAddress, !target.isEmpty else { return 0 }
    let (first, sectors, count) = span(position, target.count)
    try device.transfer(first, sectors, isWrite: false, buffer)
    base.copyMemory(from: buffer + Int(position % sectorSize), byteCount: count)
    return count
  }

  private func writePart(
    at position: UInt64, _ source: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int {
    guard let base = source.baseAddress, !source.isEmpty else { return 0 }
    guard position < size else { throw SystemFailure(.noSpace) }
    let (first, sectors, count) = span(position, source.count)
    if position % sectorSize != 0 || UInt64(count) != sectors * sectorSize {
      try device.transfer(first, sectors, isWrite: false, buffer)
    }
    (buffer + Int(position % sectorSize)).copyMemory(from: base, byteCount: count)
    try device.transfer(first, sectors, isWrite: true, buffer)
    return count
  }

  override func seek(_ offset: Int64, _ origin: SeekOrigin) throws(SystemFailure) -> UInt64 {
    lock.lock()
    defer { lock.unlock() }
    position = try OpenFile.target(offset, origin, position: position, end: size)
    return position
  }

  override func control(_ request: UInt64, _ argument: UInt64) throws(SystemFailure) -> UInt64 {
    switch request {
    case DeviceRequest.blockDeviceSize: try UserMemory.put(size, at: argument)
    case DeviceRequest.flushBlockDevice: try device.flush()
    default: throw SystemFailure(.notTerminal)
    }
    return 0
  }

  override func sync() throws(SystemFailure) { try device.flush() }
  override func release() {
    if flags.canWrite { device.endWriting() }
    buffer.deallocate()
  }
}

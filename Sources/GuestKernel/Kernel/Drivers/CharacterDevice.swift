/// Character devices: files that are a driver's functions.
///
/// A driver registers a table of operations under a major number; a device file carries major and
/// minor number, and opening it finds the table. An operation that the driver leaves out has a default
/// that fails as programs expect.
import KernelArch

/// A driver's operations.
class CharacterDevice {
  let name: StaticString

  init(_ name: StaticString) { self.name = name }

  /// False when a read of any size is served whole, without waiting.
  var isStream: Bool { true }

  func open(_ file: DeviceFile) throws(SystemFailure) {}

  func read(
    _ file: DeviceFile, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    throw SystemFailure(.invalidArgument)
  }

  func write(
    _ file: DeviceFile, _ buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int {
    throw SystemFailure(.invalidArgument)
  }

  func seek(
    _ file: DeviceFile, _ offset: Int64, _ origin: SeekOrigin
  ) throws(SystemFailure) -> UInt64 {
    throw SystemFailure(.illegalSeek)
  }

  func control(
    _ file: DeviceFile, _ request: UInt64, _ argument: UInt64
  ) throws(SystemFailure) -> UInt64 {
    throw SystemFailure(.notTerminal)
  }

  func poll(_ file: DeviceFile, _ poller: Poller?) -> PollEvents { [.readable, .writable] }

  /// The physical page for `mmap`.
  func page(_ file: DeviceFile, _ index: UInt64) throws(SystemFailure) -> PhysicalAddress {
    throw SystemFailure(.noSuchDevice)
  }

  func flagsChanged(_ file: DeviceFile) {}
  func release(_ file: DeviceFile) {}
}

/// An open device file, or a mapping of one: while it exists, the driver's module stays.
final class DeviceFile: OpenFile {
  // Not a plain reference: it has to be given back before the module, whose code frees the driver.
  private let reference: Unmanaged<CharacterDevice>
  private let module: Module?
  private var isGivenBack = false
  /// The driver has opened it.
  private var isOpened = false
  /// A copy: the driver's own goes with it.
  private let name: [UInt8]
  let number: DeviceNumber
  // Where a driver with a position keeps it. Lock: the driver's.
  var position: UInt64 = 0
  /// What a driver keeps for each opening; the driver knows the class.
  var state: AnyObject?

  /// Takes over the hold of the module that the driver belongs to.
  init(
    _ device: CharacterDevice, of module: Module?, _ number: DeviceNumber, _ inode: Inode?,
    _ flags: OpenFlags, _ path: Path?
  ) {
    reference = .passRetained(device)
    self.module = module
    self.number = number
    name = [UInt8](text: device.name)
    super.init(inode, flags, path)
  }

  /// For a file whose driver did not open it.
  deinit { giveBack() }

  /// Nobody uses the file any more: from here on the driver may go.
  private func giveBack() {
    if isGivenBack { return }
    isGivenBack = true
    state = nil
    reference.release()
    module?.letGo()
  }

  private var device: CharacterDevice { reference.takeUnretainedValue() }

  /// Lets the driver work on the file, which the caller holds.
  private func inDriver<Result>(
    _ body: () throws(SystemFailure) -> Result
  ) throws(SystemFailure) -> Result {
    module == nil ? try body() : try lent(body)
  }

  fileprivate func open() throws(SystemFailure) {
    try inDriver { () throws(SystemFailure) in try device.open(self) }
    isOpened = true
  }

  override var title: [UInt8] { name }
  override var isStream: Bool { device.isStream }
  override func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
    try inDriver { () throws(SystemFailure) in try device.read(self, into: buffer) }
  }
  override func write(_ buffer: UnsafeRawBufferPointer) throws(SystemFailure) -> Int {
    try inDriver { () throws(SystemFailure) in try device.write(self, buffer) }
  }
  override func seek(_ offset: Int64, _ origin: SeekOrigin) throws(SystemFailure) -> UInt64 {
    try inDriver { () throws(SystemFailure) in try device.seek(self, offset, origin) }
  }
  override func control(_ request: UInt64, _ argument: UInt64) throws(SystemFailure) -> UInt64 {
    try inDriver { () throws(SystemFailure) in try device.control(self, request, argument) }
  }
  override func poll(_ poller: Poller?) -> PollEvents { device.poll(self, poller) }
  override func page(_ index: UInt64) throws(SystemFailure) -> PhysicalAddress {
    try device.page(self, index)
  }
  override func sync() throws(SystemFailure) {}
  override func flagsChanged() { device.flagsChanged(self) }
  override func release() {
    if isOpened { device.release(self) }
    giveBack()
  }
}

/// Which driver has which numbers.
enum CharacterDevices {
  private struct Region {
    let major: UInt32
    let minors: Range<UInt32>
    let device: CharacterDevice
    let module: Module?
  }

  private static let lock = SpinLock("character devices", usesReserve: true)
  /// Lock: `lock`.
  nonisolated(unsafe) private static var regions: [Region] = []
  /// Majors from here on are handed out to those who ask for none.
  private static let firstDynamic: UInt32 = 240

  /// Takes numbers for a driver, with major 0 any free one; returns the major, or nil when taken.
  static func register(
    _ device: CharacterDevice, major: UInt32, minors: Range<UInt32>
  ) -> UInt32? {
    lock.withLock {
      var major = major
      if major == 0 {
        major = firstDynamic
        while isTaken(major, 0..<(1 << 20)) { major += 1 }
      } else if isTaken(major, minors) {
        return nil
      }
      regions.append(
        Region(major: major, minors: minors, device: device, module: module(of: device)))
      return major
    }
  }

  /// Whose code a driver is: each object begins with the address of its class, which lies in the module.
  private static func module(of device: CharacterDevice) -> Module? {
    let object = UnsafeRawPointer(Unmanaged.passUnretained(device).toOpaque())
    return Modules.containing(object.load(as: UInt64.self))
  }

  private static func isTaken(_ major: UInt32, _ minors: Range<UInt32>) -> Bool {
    for region in regions where region.major == major && region.minors.overlaps(minors) {
      return true
    }
    return false
  }

  /// Gives all numbers of a driver back; files that are open go on with it.
  static func remove(_ device: CharacterDevice) {
    lock.withLock { regions.removeAll { $0.device === device } }
  }

  static func open(
    _ inode: Inode, _ flags: OpenFlags, _ path: Path?
  ) throws(SystemFailure) -> OpenFile {
    let number = inode.device
    guard let (device, module) = find(number) else { throw SystemFailure(.noSuchAddress) }
    if let terminal = device as? TerminalDevice { return terminal.file(inode, flags, path) }
    let file = DeviceFile(device, of: module, number, inode, flags, path)
    try file.open()
    return file
  }

  /// The driver, and its module with one more hold; nil also when the module is on its way out.
  private static func find(_ number: DeviceNumber) -> (CharacterDevice, Module?)? {
    lock.withLock {
      for region in regions
      where region.major == number.major && region.minors.contains(number.minor) {
        guard region.module?.hold() ?? true else { return nil }
        return (region.device, region.module)
      }
      return nil
    }
  }

  /// Publishes who has which major.
  static func start() {
    ProcFS.add("devices") { text in
      text.append("Character devices:\n")
      for region in lock.withLock({ regions }) {
        text.append("\(region.major, width: 3) \(region.device.name)\n")
      }
      text.append("\nBlock devices:\n")
      BlockDevices.describe(&text)
    }
  }
}

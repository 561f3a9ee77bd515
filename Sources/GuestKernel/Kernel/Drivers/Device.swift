/// The driver model: buses, the devices found on them, and the drivers that know them.
///
/// A bus brings devices and drivers together: whichever comes second, the bus asks whether they match
/// and lets the driver probe the device. What a driver takes while probing it registers with the
/// device, with the way to undo it; when probing fails half-way, or the driver is taken off, all of it
/// is undone in reverse order. So no driver has an error path of its own to get wrong.
import KernelArch

class Device {
  fileprivate struct Resource {
    let name: StaticString
    let undo: () -> Void
  }

  let name: [UInt8]
  let parent: Device?
  /// Such as "block" or "tty": a directory of /sys/class.
  let className: StaticString
  /// Its device file, if it has one.
  let node: (kind: FileKind, number: DeviceNumber, permissions: UInt16)?
  // Lock for these: `Devices.lock`.
  fileprivate(set) final var bus: Bus?
  fileprivate(set) final var driver: Driver?
  private final var resources: [Resource] = []

  init(
    _ name: [UInt8], parent: Device?, className: StaticString = "",
    node: (kind: FileKind, number: DeviceNumber, permissions: UInt16)? = nil
  ) {
    self.name = name
    self.parent = parent
    self.className = className
    self.node = node
  }

  /// Below /sys.
  final var path: [UInt8] { (parent?.path ?? [UInt8](text: "devices")) + [0x2f] + name }

  /// Notes something that the driver has taken, and how to give it back.
  final func manage(_ name: StaticString, undo: @escaping () -> Void) {
    resources.append(Resource(name: name, undo: undo))
  }

  /// Memory that goes back by itself when the driver does.
  final func allocate(_ count: Int, alignment: Int = 16) -> UnsafeMutableRawPointer {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: alignment)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    manage("memory") { memory.deallocate() }
    return memory
  }

  final func requestInterrupt(
    _ line: Int, _ name: StaticString, _ flags: IRQ.Flags, _ handler: @escaping () -> Bool
  ) -> Bool {
    guard let handler = IRQ.request(line, name, flags, handler) else { return false }
    manage("interrupt") { IRQ.free(handler) }
    return true
  }

  /// The names of what the driver has taken, in that order.
  final var resourceNames: [StaticString] { resources.map { $0.name } }

  fileprivate final func undoAll() {
    while let last = resources.popLast() { last.undo() }
  }

  /// A file of the device's directory in /sys.
  final func addAttribute(
    _ name: StaticString, write: ReportTree.Writer? = nil, _ read: @escaping ReportTree.Reader
  ) {
    SysFS.add(path + [0x2f] + [UInt8](text: name), write: write, read)
  }
}

class Driver {
  let name: StaticString
  init(_ name: StaticString) { self.name = name }

  func matches(_ device: Device) -> Bool { false }
  /// Takes the device over, noting with `device.manage` what that needs.
  func probe(_ device: Device) throws(SystemFailure) {}
  /// Stops the device; what was noted is given back afterwards.
  func remove(_ device: Device) {}
}

final class Bus {
  let name: StaticString
  // Lock for these: `Devices.lock`.
  fileprivate var devices: [Device] = []
  fileprivate var drivers: [Driver] = []

  init(_ name: StaticString) { self.name = name }

  fileprivate var path: [UInt8] { [UInt8](text: "bus/") + [UInt8](text: name) }

  /// A driver arrives: it gets the devices that nobody has.
  func add(_ driver: Driver) {
    let isOutermost = Devices.enter()
    defer { Devices.leave(isOutermost) }
    drivers.append(driver)
    let directory = path + [UInt8](text: "/drivers/") + [UInt8](text: driver.name)
    SysFS.add(
      directory + [UInt8](text: "/unbind"),
      write: { name in
        self.change(name) { $0.driver === driver ? Devices.unbind($0) : .noSuchDevice }
      }
    ) { _ in }
    SysFS.add(
      directory + [UInt8](text: "/bind"),
      write: { name in
        self.change(name) { device in
          guard device.driver == nil, driver.matches(device) else { return .noSuchDevice }
          return Devices.bind(device, driver)
        }
      }
    ) { _ in }
    for device in devices where device.driver == nil && driver.matches(device) {
      _ = Devices.bind(device, driver)
    }
  }

  /// A driver goes: its devices are nobody's.
  func remove(_ driver: Driver) {
    let isOutermost = Devices.enter()
    defer { Devices.leave(isOutermost) }
    for device in devices where device.driver === driver { _ = Devices.unbind(device) }
    drivers.removeAll { $0 === driver }
    SysFS.remove(path + [UInt8](text: "/drivers/") + [UInt8](text: driver.name))
  }

  private func change(_ name: [UInt8], _ body: (Device) -> SystemError?) -> SystemError? {
    let isOutermost = Devices.enter()
    defer { Devices.leave(isOutermost) }
    for device in devices where device.name == name { return body(device) }
    return .noSuchDevice
  }
}

enum Devices {
  /// Held while devices and drivers come, go and meet.
  private static let lock = Mutex("devices")

  /// A driver that probes may add devices of its own: then the thread has the mutex already.
  fileprivate static func enter() -> Bool {
    if lock.isMine { return false }
    lock.lock()
    return true
  }

  fileprivate static func leave(_ isOutermost: Bool) {
    if isOutermost { lock.unlock() }
  }

  /// A device has been found: it appears in /sys, an event is sent, and its bus looks for a driver.
  static func add(_ device: Device, to bus: Bus? = nil) {
    let isOutermost = enter()
    defer { leave(isOutermost) }
    addFiles(device, bus)
    Uevents.send("add", device)
    guard let bus else { return }
    device.bus = bus
    bus.devices.append(device)
    for driver in bus.drivers where driver.matches(device) {
      if bind(device, driver) == nil { return }
    }
  }

  static func remove(_ device: Device) {
    let isOutermost = enter()
    defer { leave(isOutermost) }
    if device.driver != nil { _ = unbind(device) }
    if let bus = device.bus {
      bus.devices.removeAll { $0 === device }
      SysFS.remove(bus.path + [UInt8](text: "/devices/") + device.name)
    }
    if device.className.utf8CodeUnitCount > 0 { SysFS.remove(classPath(device)) }
    SysFS.remove(device.path)
    Uevents.send("remove", device)
  }

  /// Lets a driver probe; on failure everything it has taken is given back.
  fileprivate static func bind(_ device: Device, _ driver: Driver) -> SystemError? {
    do throws(SystemFailure) {
      try driver.probe(device)
    } catch {
      log("devices", "\(driver.name) does not take \(text: device.name): \(error.error.name)")
      device.undoAll()
      return error.error
    }
    device.driver = driver
    SysFS.addLink(
      device.path + [UInt8](text: "/driver"),
      to: [UInt8](text: "/sys/bus/") + [UInt8](text: device.bus?.name ?? "")
        + [UInt8](text: "/drivers/") + [UInt8](text: driver.name))
    Uevents.send("bind", device)
    return nil
  }

  fileprivate static func unbind(_ device: Device) -> SystemError? {
    guard let driver = device.driver else { return .noSuchDevice }
    driver.remove(device)
    device.undoAll()
    device.driver = nil
    SysFS.remove(device.path + [UInt8](text: "/driver"))
    Uevents.send("unbind", device)
    return nil
  }

  private static func classPath(_ device: Device) -> [UInt8] {
    [UInt8](text: "class/") + [UInt8](text: device.className) + [0x2f] + device.name
  }

  private static func addFiles(_ device: Device, _ bus: Bus?) {
    let target = [UInt8](text: "/sys/") + device.path
    device.addAttribute("uevent") { text in Uevents.describe(device, &text) }
    if let node = device.node {
      device.addAttribute("dev") { $0.append("\(node.number.major):\(node.number.minor)\n") }
    }
    if device.className.utf8CodeUnitCount > 0 { SysFS.addLink(classPath(device), to: target) }
    if let bus {
      SysFS.addLink(bus.path + [UInt8](text: "/devices/") + device.name, to: target)
    }
  }
}

/// The driver model: a device appears, events tell of it, a driver probes it, fails, and leaves no trace.
enum DevicesDemo {
  /// What happened, in order.
  private final class Diary {
    var lines: [StaticString] = []
    init() {}
    func has(_ expected: [StaticString]) -> Bool {
      guard lines.count == expected.count else { return false }
      for index in lines.indices where ![UInt8](text: lines[index]).equals(expected[index]) {
        return false
      }
      return true
    }
  }

  private final class DemoDriver: Driver {
    let diary: Diary
    var failsLate = true
    init(_ diary: Diary) {
      self.diary = diary
      super.init("demo-driver")
    }
    override func matches(_ device: Device) -> Bool { device.name.starts(with: "widget") }
    override func probe(_ device: Device) throws(SystemFailure) {
      for name in ["registers", "interrupt", "buffer"] as [StaticString] {
        diary.lines.append(name)
        let diary = diary
        device.manage(name) { diary.lines.append(undoName(name)) }
      }
      if failsLate { throw SystemFailure(.inputOutput) }
    }
    override func remove(_ device: Device) { diary.lines.append("stop") }
  }

  private static func undoName(_ name: StaticString) -> StaticString {
    let text = [UInt8](text: name)
    return text.equals("registers")
      ? "-registers" : text.equals("buffer") ? "-buffer" : "-interrupt"
  }

  static func run() -> Bool {
    do throws(SystemFailure) {
      let passed = try events()
      return try probing() && passed
    } catch {
      return Demo.check(false, "no step fails (this one: \(error.error.name))")
    }
  }

  private static func events() throws(SystemFailure) -> Bool {
    Demo.say(
      "A device is announced: the kernel makes its file, a reader of /dev/uevent hears of it.")
    let listener = try Namespace.open(
      [UInt8](text: "/dev/uevent"), [.readOnly, .nonBlocking], permissions: 0, nil)
    defer { listener.drop() }
    let device = DeviceNodes.announce(
      "demo0", .characterDevice, DeviceNumber(1, 3), permissions: 0o666, className: "demo")
    let message = try FileBytes.read(512, from: listener)
    let first = Array(message.prefix { $0 != 0x0a })
    var passed = Demo.check(
      first.equals("add@/devices/virtual/demo/demo0"), "the event: \(text: first)")
    let node = try PathWalk.resolve([UInt8](text: "/dev/demo0"), nil).inode
    passed =
      Demo.check(
        node.kind == .characterDevice && node.device == DeviceNumber(1, 3),
        "/dev/demo0 is a character device with the numbers 1, 3") && passed
    let number = try Namespace.contents(of: [UInt8](text: "/sys/class/demo/demo0/dev"))
    passed = Demo.check(number.equals("1:3\n"), "/sys/class/demo/demo0/dev says 1:3") && passed
    Devices.remove(device)
    var isGone = false
    do throws(SystemFailure) {
      _ = try PathWalk.resolve([UInt8](text: "/dev/demo0"), nil)
    } catch { isGone = error.error == .notFound }
    return Demo.check(isGone, "removed: its file is gone") && passed
  }

  private static func probing() throws(SystemFailure) -> Bool {
    let bus = Bus("demo-bus")
    let diary = Diary()
    let driver = DemoDriver(diary)
    bus.add(driver)
    Demo.say(
      "A driver takes registers, an interrupt and a buffer, and then finds the device broken.")
    let device = Device([UInt8](text: "widget0"), parent: nil)
    Devices.add(device, to: bus)
    var passed = Demo.check(
      diary.has(["registers", "interrupt", "buffer", "-buffer", "-interrupt", "-registers"]),
      "all three are given back, the last one first; the driver has no code for that")
    Demo.say("Repaired, it is bound by writing its name to a file of /sys.")
    diary.lines = []
    driver.failsLate = false
    passed = Demo.check(try write("bind"), "/sys/bus/demo-bus/drivers/demo-driver/bind") && passed
    passed = Demo.check(device.driver === driver, "the driver has the device now") && passed
    passed = Demo.check(try write("unbind"), "and by unbind it is taken off") && passed
    passed =
      Demo.check(
        diary.has([
          "registers", "interrupt", "buffer", "stop", "-buffer", "-interrupt", "-registers",
        ]), "it stops the device, then everything is given back") && passed
    Devices.remove(device)
    bus.remove(driver)
    return passed
  }

  private static func write(_ file: StaticString) throws(SystemFailure) -> Bool {
    let path = [UInt8](text: "/sys/bus/demo-bus/drivers/demo-driver/") + [UInt8](text: file)
    let attribute = try Namespace.open(path, .writeOnly, permissions: 0, nil)
    defer { attribute.drop() }
    return try FileBytes.write([UInt8](text: "widget0"), to: attribute) == 7
  }
}

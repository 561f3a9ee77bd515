/// How the kernel touches a program's memory: through one function whose faults are expected.
enum UserCopyDemo {
  static func run() -> Bool {
    Demo.say("A program may pass any number as a pointer. The kernel never follows one itself:")
    Demo.say("UserMemory.read and .write do, and a fault in them becomes a failure.")
    let nowhere: UInt64 = 0x1234_5000
    var passed = Demo.check(
      UserMemory.read(nowhere, count: 64) == nil, "reading where nothing is mapped fails")
    passed =
      Demo.check(
        UserMemory.read(Layout.image, count: 64) == nil,
        "reading the kernel through a program's pointer fails, although the page is there")
      && passed
    passed =
      Demo.check(
        !UserMemory.write([1, 2, 3], to: 0x40_0000),
        "writing the program's own code fails: its page is read-only") && passed
    Demo.say("The same pointers make write(2) return the error `bad address`: try `crash pointer`.")
    return passed
  }
}

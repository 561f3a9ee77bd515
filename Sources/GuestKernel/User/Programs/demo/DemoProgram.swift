/// demo [NAME...|all]: shows one idea of the kernel at work, says why it is so, and checks it.
///
/// Without a name it lists what there is: first the demonstrations that a program can give (one file
/// each beside this one), then those that run inside the kernel (Kernel/Demos).
import Apus

@main
struct DemoProgram: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    Usage.describe("demo [NAME...|all]", "shows ideas of the kernel at work, and checks them")
    var names = Options(arguments, known: "").operands
    if names.isEmpty {
      list()
      return 0
    }
    if names.count == 1, names[0].equals("all") { names = allNames() }
    var failures: Int32 = 0
    for name in names where !perform(name) { failures += 1 }
    if names.count > 1 {
      say("\(names.count) demonstrations, \(failures) failed\n")
    }
    return failures == 0 ? 0 : 1
  }

  private static func list() {
    for demo in UserDemos.all { say("  \(demo.name, padded: 22)\(demo.summary)\n") }
    for demo in KernelList.read() {
      var line: TextLine = "  \(text: demo.name)"
      line.pad(to: 24)
      say("\(line)\(text: demo.summary)\n")
    }
    say("demo NAME shows one, demo all shows them all.\n")
  }

  private static func allNames() -> [[UInt8]] {
    var names: [[UInt8]] = []
    for demo in UserDemos.all { names.append([UInt8](text: demo.name)) }
    for demo in KernelList.read() { names.append(demo.name) }
    return names
  }

  /// Runs one and says how it ended.
  private static func perform(_ name: [UInt8]) -> Bool {
    for demo in UserDemos.all where name.equals(demo.name) {
      say("demo \(demo.name): \(demo.summary)\n")
      if let option = demo.needs, KernelOptions.isLeftOut(option) {
        Demo.say("This kernel is without it: its kernel.config says \(option) = no.")
        return leaveOut(name)
      }
      return end(name, demo.run())
    }
    for demo in KernelList.read() where demo.name == name {
      say("demo \(text: name): \(text: demo.summary)\n")
      guard case .success(let result) = System.demo(name) else { return end(name, false) }
      if result == 2 { return leaveOut(name) }
      return end(name, result == 1)
    }
    if KernelOptions.isLeftOut("DEMOS") {
      Demo.say("This kernel is without demonstrations: its kernel.config says DEMOS = no.")
      return leaveOut(name)
    }
    say("demo \(text: name): there is none of that name; demo lists them\n")
    return false
  }

  /// What is not there cannot fail.
  private static func leaveOut(_ name: [UInt8]) -> Bool {
    say("demo \(text: name): left out\n")
    return true
  }

  private static func end(_ name: [UInt8], _ passed: Bool) -> Bool {
    if passed {
      say("demo \(text: name): passed\n")
    } else {
      say("demo \(text: name): FAILED: see the lines that begin with NO\n")
    }
    return passed
  }
}

/// The demonstrations inside the kernel, as /proc/demos lists them.
enum KernelList {
  static func read() -> [(name: [UInt8], summary: [UInt8])] {
    var demos: [(name: [UInt8], summary: [UInt8])] = []
    let listing = (try? FileTree.contents(of: [UInt8](text: "/proc/demos"))) ?? []
    for line in listing.split(separator: 0x0a) {
      let parts = line.split(separator: 0x09, maxSplits: 1)
      if parts.count == 2 { demos.append((Array(parts[0]), Array(parts[1]))) }
    }
    return demos
  }
}

/// A group of processes reaches its limit of memory, while the machine has plenty.
import KernelArch

enum GroupMemoryDemo {
  private static let room: UInt64 = 64
  private static let pages: UInt64 = 256

  static func run() -> Bool {
    guard Swap.area == nil else { return Demo.check(false, "no swap space is in use") }
    guard let bystander = AddressSpace() else { return false }
    defer { bystander.release() }
    guard touch(bystander, pages: 32) else { return false }
    let group = SchedulingGroups.make([UInt8](text: "demo-memory"))
    let thread = Thread.current
    let old = thread.group
    thread.setGroup(group)
    defer {
      group.memoryLimit = .max
      thread.setGroup(old)
      SchedulingGroups.remove(group)
    }
    Demo.say("This process is alone in a group that may have \(room) pages more than it has now.")
    let passed = withSwap(group)
    Demo.say("Without swap space one of the group would go: usertests group-limit.")
    return Demo.check(
      bystander.pageCount == 32 && bystander.swappedCount == 0,
      "a process outside of the group has all its pages") && passed
  }

  private static func limit(_ group: SchedulingGroup) {
    group.memoryLimit = .max
    group.memoryLimit = (DemoMemory.space.pageCount + room) * pageSize
  }

  private static func withSwap(_ group: SchedulingGroup) -> Bool {
    guard Swap.start(CompressedSwap(slots: 4096)) else { return false }
    limit(group)
    guard let start = DemoMemory.map(pages) else { return false }
    var wrong = 0
    for page in 0..<pages where !DemoMemory.write(page + 7, at: start + page * pageSize) {
      wrong += 1
    }
    // Pages of its program's file go too, without swap.
    var passed = Demo.check(
      wrong == 0 && DemoMemory.space.swappedCount > pages / 4,
      "with swap space it writes \(pages) pages; the group's own pages make room for them")
    passed =
      Demo.check(
        GroupMemory.pages(of: group) * pageSize <= group.memoryLimit,
        "it has no more in memory than the group may have") && passed
    for page in 0..<pages where DemoMemory.read(start + page * pageSize) != page + 7 { wrong += 1 }
    passed = Demo.check(wrong == 0, "and every value can be read again") && passed
    group.memoryLimit = .max
    DemoMemory.unmap(start, pages)
    return Demo.check(Swap.close(), "swapoff") && passed
  }

  private static func touch(_ space: AddressSpace, pages: UInt64) -> Bool {
    guard
      case .success(let start) = space.map(at: nil, size: pages * pageSize, [.read, .write])
    else { return false }
    for page in 0..<pages {
      guard case .success = space.fault(start + page * pageSize, .write) else { return false }
    }
    return true
  }
}

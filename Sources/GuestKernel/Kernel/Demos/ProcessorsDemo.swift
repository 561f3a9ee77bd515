/// Processors that interrupt each other: function calls, and the shootdown of stale translations.
import KernelArch

enum ProcessorsDemo {
  static func run() -> Bool {
    Demo.say("This machine has \(CPU.count) processors; GS tells each which one it is.")
    let numbers = PerCPU<Int>(-1)
    CPU.callAll { numbers.current = CPU.current.index }
    let all = (0..<CPU.count).allSatisfy { numbers[$0] == $0 }
    var passed = Demo.check(all, "called by an interrupt, each wrote its number into its own copy")
    guard let first = Frames.allocate(), let second = Frames.allocate() else { return false }
    defer {
      Frames.release(first)
      Frames.release(second)
    }
    first.pointer.storeBytes(of: 1, as: UInt32.self)
    second.pointer.storeBytes(of: 2, as: UInt32.self)
    let page = LinearAddress(Layout.probe)
    Demo.say("A page is mapped to frame 1; all read it, and so remember the translation.")
    KernelSpace.map(page, to: first, .kernelData)
    let seen = PerCPU<UInt32>(0)
    CPU.callAll { seen.current = mmio_read32(Layout.probe) }
    passed = Demo.check((0..<CPU.count).allSatisfy { seen[$0] == 1 }, "all read 1") && passed
    Demo.say("The entry now leads to frame 2, and nobody is told:")
    KernelSpace.map(page, to: second, .kernelData)
    CPU.callAll { seen.current = mmio_read32(Layout.probe) }
    let stale = (0..<CPU.count).count { seen[$0] == 1 }
    Demo.say(
      "\(stale) of \(CPU.count) still read 1 from their TLBs (the SDM allows it, and does not promise it)"
    )
    let before = TLB.shootdowns
    TLB.flush(page: page.value)
    CPU.callAll { seen.current = mmio_read32(Layout.probe) }
    passed =
      Demo.check((0..<CPU.count).allSatisfy { seen[$0] == 2 }, "after TLB.flush all read 2")
      && passed
    passed =
      Demo.check(
        TLB.shootdowns == before + (CPU.count > 1 ? 1 : 0), "it interrupted the others once")
      && passed
    KernelSpace.tables.leaf(page)?.entry.pointee = 0
    TLB.flush(page: page.value)
    return passed
  }
}

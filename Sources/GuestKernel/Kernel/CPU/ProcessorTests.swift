/// Self-tests of the processors: who is called answers, and nobody remembers what was taken away.
import KernelArch

enum ProcessorTests {
  static func run() {
    // "All others" must stay the same ones: the tests run on the boot processor.
    _ = Thread.current.setAffinity(1)
    defer { _ = Thread.current.setAffinity(.max) }
    SelfTest.report("calls to other processors", calls())
    SelfTest.report("shootdown", shootdown())
    SelfTest.report("an NMI inside an NMI", NonMaskableTest.run())
  }

  /// Every processor runs the function once, and each as itself.
  private static func calls() -> Bool {
    let numbers = PerCPU<Int>(-1)
    for _ in 0..<10 { CPU.callAll { numbers.current = CPU.current.index } }
    for index in 0..<CPU.count {
      if numbers[index] != index { return false }
      CPU.call(on: index) { numbers.current += 100 }
      if numbers[index] != index + 100 { return false }
    }
    return true
  }

  /// All read a page of the kernel's, which is then another one.
  private static func shootdown() -> Bool {
    guard let first = Frames.allocate(), let second = Frames.allocate() else { return false }
    first.pointer.storeBytes(of: 1, as: UInt32.self)
    second.pointer.storeBytes(of: 2, as: UInt32.self)
    let page = LinearAddress(Layout.probe)
    let seen = PerCPU<UInt32>(0)
    KernelSpace.map(page, to: first, .kernelData)
    CPU.callAll { seen.current = mmio_read32(Layout.probe) }
    guard (0..<CPU.count).allSatisfy({ seen[$0] == 1 }) else { return false }
    KernelSpace.map(page, to: second, .kernelData)
    TLB.flush(page: page.value)
    CPU.callAll { seen.current = mmio_read32(Layout.probe) }
    let isSeen = (0..<CPU.count).allSatisfy { seen[$0] == 2 }
    KernelSpace.tables.leaf(page)?.entry.pointee = 0
    TLB.flush(page: page.value)
    Frames.release(first)
    Frames.release(second)
    return isSeen
  }
}

/// Where things lie, with `kaslr` on the command line and without.
import KernelArch

enum RandomizationDemo {
  static func run() -> Bool {
    guard let one = AddressSpace(), let two = AddressSpace() else { return false }
    defer {
      one.release()
      two.release()
    }
    let isSame = one.stackTop == two.stackTop && one.mappingTop == two.mappingTop
    var passed = true
    if Randomization.isOn {
      Demo.say("kaslr is on: moved from where they lie without it are")
      moved("kernel image", Layout.image, Layout.window)
      moved("modules", Layout.modules.lowerBound, 0x7fff_c000_0000)
      moved("direct map", Layout.directMap, 0x4000_0000_0000)
      moved("vmalloc", Layout.heap, 0x6000_0000_0000)
      moved("kernel stacks", Layout.stacks, 0x6080_0000_0000)
      passed = Demo.check(!isSame, "two programs have stack and mappings at different places")
    } else {
      Demo.say("kaslr is off: the kernel lies where `Layout` says, in every boot.")
      passed = Demo.check(
        isSame && Layout.directMap == 0x4000_0000_0000 && Layout.image == Layout.window,
        "two programs have stack and mappings at the same places")
      Demo.say("Boot with kaslr, or kaslr=N to choose the same places again, and compare.")
    }
    let value: UInt64 = 0x7274
    guard let frame = Frames.allocate() else { return false }
    defer { Frames.release(frame) }
    frame.pointer.storeBytes(of: value, as: UInt64.self)
    passed =
      Demo.check(
        KernelSpace.tables.translate(
          LinearAddress(UInt64(UInt(bitPattern: frame.pointer)))) == frame,
        "the direct map shows every frame, wherever it lies") && passed
    return passed
  }

  private static func moved(_ what: StaticString, _ now: UInt64, _ then: UInt64) {
    Demo.say("  \(what, padded: 16)by \((now - then) >> 20) MiB")
  }
}

/// Base and bound: a 32-bit segment of 4096 bytes, and an access one word beyond its end.
import Apus
import UserSystem

enum SegmentsDemo {
  private static let place: UInt64 = 0x2000_0000
  private static let limit: UInt32 = 4095

  static func run() -> Bool {
    let flags: MapFlags = [.private, .anonymous, .fixed]
    guard let at = try? Memory.map(at: place, size: 0x4000, [.read, .write], flags) else {
      return Demo.check(false, "four pages at an address of our choice")
    }
    let words = Memory.words(at)
    words[0] = 0x1111_1111
    words[511] = 0x2222_2222_0000_0000  // the last word of the first page is its upper half
    words[512] = 0x3333_3333
    Demo.say(
      "Four pages are mapped and writable; a segment covers the first: base there, limit 4095.")
    guard Compatibility.prepare(segment: UInt32(at), limit: limit) else {
      return Demo.check(false, "the segment is in the local descriptor table")
    }
    var passed = Demo.check(
      read(0) == 0x1111_1111, "offset 0 is the page's first word: the base is added")
    passed = Demo.check(read(4092) == 0x2222_2222, "offset 4092 is its last") && passed
    if isInterpretedByQEMU {
      Demo.say(
        "This is QEMU's interpreter: it adds bases but checks no limits. In emu they are checked.")
      return passed
    }
    let beyond = Child.signal(Child.start { Int32(truncatingIfNeeded: read(4096) & 1) })
    passed =
      Demo.check(
        beyond == 11, "offset 4096 is beyond the bound: #GP, SIGSEGV, though the page is mapped")
      && passed
    let across = Child.signal(Child.start { Int32(truncatingIfNeeded: read(4093) & 1) })
    passed = Demo.check(across == 11, "a word at 4093 would end beyond it: the same") && passed
    return Demo.check(words[512] == 0x3333_3333, "paging alone lets 64-bit code read there")
      && passed
  }

  /// CPUID leaf 4000_0000h says TCGTCGTCGTCG.
  private static var isInterpretedByQEMU: Bool {
    let leaf = cpuid(0x4000_0000, 0)
    return cpuid(1, 0).ecx >> 31 == 1 && leaf.ebx == 0x5447_4354 && leaf.ecx == 0x4354_4743
  }

  private static func read(_ offset: UInt32) -> UInt64 {
    Compatibility.call(address_of_compat_probe(), offset)
  }
}

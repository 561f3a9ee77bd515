/// The way from a linear address to a frame, as the processor goes it, level by level.
/// SDM Vol. 3A, "4-Level Paging".
import KernelArch

enum PageWalkDemo {
  static func run() -> Bool {
    guard let small = DemoMemory.map(1), let start = DemoMemory.map(1024, .hugePages) else {
      return false
    }
    defer {
      DemoMemory.unmap(small, 1)
      DemoMemory.unmap(start, 1024)
    }
    let large = (start + HugePages.size - 1) & ~(HugePages.size - 1)
    guard DemoMemory.write(42, at: small + 8), DemoMemory.write(43, at: large + 0x1234 * 8) else {
      return false
    }
    let tables = DemoMemory.space.tables
    var passed = walk("a page of this program", small + 8, tables, expecting: 42, levels: 4)
    passed =
      walk("one in a page of 2 MiB", large + 0x1234 * 8, tables, expecting: 43, levels: 3) && passed
    Demo.say("The kernel's own code, which every program's tables lead to as well:")
    let code = linker_text_start()
    passed =
      walk("the kernel's first instruction", code, tables, expecting: nil, levels: 4) && passed
    let entry = PageTables.entry(tables.root, 128).pointee
    let shared = PageTables.entry(KernelSpace.tables.root, 128).pointee
    return Demo.check(entry == shared, "entry 128 of every root is the same: the direct map")
      && passed
  }

  private static func walk(
    _ what: StaticString, _ address: UInt64, _ tables: PageTables, expecting value: UInt64?,
    levels: Int
  ) -> Bool {
    Demo.say("\(what):")
    var table = tables.root
    var level = 4
    var count = 0
    while true {
      let index = Int(address >> UInt64(3 + 9 * level) & 511)
      let entry = PageTables.entry(table, index).pointee
      count += 1
      let isLast = level == 1 || (level < 4 && entry & PageFlags.large.rawValue != 0)
      Demo.say(
        "  \(name(level), padded: 6) entry \(index, width: 3)  \(flags(entry))\(isLast ? "" as StaticString : " ->")"
      )
      guard entry & 1 != 0 else { return Demo.check(false, "present") }
      table = PhysicalAddress(entry & PageTables.addressMask)
      if isLast { break }
      level -= 1
    }
    guard count == levels, let physical = tables.translate(LinearAddress(address)) else {
      return Demo.check(false, "\(levels) levels")
    }
    guard let value else { return Demo.check(true, "\(count) levels") }
    return Demo.check(
      physical.pointer.load(as: UInt64.self) == value,
      "\(count) levels, and the frame holds what the program wrote")
  }

  private static func name(_ level: Int) -> StaticString {
    switch level {
    case 4: "PML4"
    case 3: "PDPT"
    case 2: "PD"
    default: "PT"
    }
  }

  private static func flags(_ entry: UInt64) -> TextLine {
    var line: TextLine = "present"
    if entry >> 1 & 1 != 0 { line.append(" writable") }
    if entry >> 2 & 1 != 0 { line.append(" user") }
    if entry & PageFlags.large.rawValue != 0, entry >> 12 & 1 == 0 || entry >> 21 != 0 {
      line.append(entry & PageFlags.global.rawValue != 0 || entry >> 6 & 1 != 0 ? " large" : "")
    }
    if entry >> 63 != 0 { line.append(" no-execute") }
    return line
  }
}

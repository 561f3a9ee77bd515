/// What `selftest` checks of an address space's two roots.
import KernelArch

enum IsolationTests {
  static func run() -> Bool {
    guard let space = AddressSpace() else { return false }
    defer { space.release() }
    // Each needs an entry of the root that was not there.
    guard space.tables.makeEntry(LinearAddress(0x0100_0000_0000)) != nil,
      space.tables.makeLargeEntry(LinearAddress(0x2000_0000_0000)) != nil
    else { return false }
    return haveSameProgram(space.tables) && hasOnlyEntries(space.tables)
  }

  private static func haveSameProgram(_ tables: PageTables) -> Bool {
    let noExecute = PageFlags.noExecute.rawValue
    var count = 0
    for slot in 0..<Layout.kernelSlots.lowerBound {
      let inKernel = PageTables.entry(tables.root, slot).pointee
      let inRing3 = PageTables.entry(tables.forRing3.root, slot).pointee
      guard inKernel | noExecute == inRing3 | noExecute, inRing3 & noExecute == 0 else {
        return false
      }
      if inKernel != 0 { count += 1 }
      if Isolation.isOn, inKernel != 0, inKernel & noExecute == 0 { return false }
    }
    return count == 2
  }

  /// The second root leads to the entry code, the gates and the entry pages, and to nothing else.
  private static func hasOnlyEntries(_ tables: PageTables) -> Bool {
    guard Isolation.isOn else { return tables.kernelPageCount > 1000 }
    let text = linker_entry_text_start()..<linker_entry_text_end()
    var isRight = true
    func check(_ address: UInt64, isWritable: Bool, isCode: Bool) {
      let page = LinearAddress(address)
      guard let leaf = tables.forRing3.leaf(page),
        tables.forRing3.translate(page) == tables.translate(page)
      else { return isRight = false }
      let flags = PageFlags(rawValue: leaf.entry.pointee)
      if flags.contains(.user) || flags.contains(.global) || flags.contains(.writable) != isWritable
        || flags.contains(.noExecute) == isCode
      {
        isRight = false
      }
    }
    for page in stride(from: text.lowerBound, to: text.upperBound, by: Int(pageSize)) {
      check(page, isWritable: false, isCode: true)
    }
    check(linker_idt_table(), isWritable: false, isCode: false)
    for index in 0..<CPU.count {
      check(UInt64(UInt(bitPattern: CPU(index).entry)), isWritable: true, isCode: false)
    }
    let expected = (text.upperBound - text.lowerBound) / pageSize + 1 + UInt64(CPU.count)
    return isRight && tables.forRing3.kernelPageCount == expected
  }
}

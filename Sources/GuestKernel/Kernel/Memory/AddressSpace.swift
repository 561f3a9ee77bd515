/// A program's half of the linear address space; the kernel's half is shared by all.
import KernelArch

struct AddressSpace {
  let tables: PageTables
  private(set) var pageCount: UInt64 = 0

  init?() {
    guard let tables = PageTables() else { return nil }
    self.tables = tables
    for slot in Layout.kernelSlots {
      PageTables.entry(tables.root, slot).pointee =
        PageTables.entry(KernelSpace.tables.root, slot).pointee
    }
  }

  /// Maps zeroed pages over `base..<end`, which are multiples of the page size.
  mutating func allocate(
    _ base: UInt64, _ end: UInt64, isWritable: Bool, isExecutable: Bool
  ) -> Bool {
    var flags: PageFlags = [.present, .user]
    if isWritable { flags.insert(.writable) }
    if !isExecutable { flags.insert(.noExecute) }
    for page in stride(from: base, to: end, by: Int(pageSize)) {
      guard let frame = Frames.allocateForUser() else { return false }
      guard tables.map(LinearAddress(page), to: frame, flags) else {
        Frames.release(frame)
        return false
      }
      pageCount += 1
    }
    return true
  }

  /// Copies into pages of this space through the direct map, whatever their protection.
  func fill(_ address: UInt64, from source: UnsafeRawBufferPointer) -> Bool {
    var done = 0
    while done < source.count {
      let at = LinearAddress(address &+ UInt64(done))
      guard let physical = tables.translate(at), let base = source.baseAddress else { return false }
      let chunk = min(source.count - done, Int(pageSize - at.value % pageSize))
      physical.pointer.copyMemory(from: base + done, byteCount: chunk)
      done += chunk
    }
    return true
  }

  /// Gives every page and table back.
  ///
  /// No processor may use the space any more.
  func release() {
    tables.release(0..<Layout.kernelSlots.lowerBound)
    tables.releaseRoot()
  }
}

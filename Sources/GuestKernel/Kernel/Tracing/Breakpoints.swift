/// The debugger's breakpoints: the bytes of the code that are INT3 for now.
///
/// Who looks here may have come by a breakpoint in anything that the kernel has, the counting of references
/// included: so what `meet` needs is a plain table, and calls nothing. All other processors stand still when
/// it changes.
import KernelArch

enum Breakpoints {
  private struct Breakpoint {
    var address: UInt64
    var original: UInt8
    /// The stub has met it itself.
    var isLifted = false
  }

  private static let capacity = 64
  nonisolated(unsafe) private static var table: UnsafeMutablePointer<Breakpoint>?
  nonisolated(unsafe) private static var count = 0

  @inline(__always)
  private static func index(_ address: UInt64) -> Int? {
    guard let table else { return nil }
    var index = 0
    while index < count {
      if table[index].address == address { return index }
      index += 1
    }
    return nil
  }

  @inline(__always)
  static func contains(_ address: UInt64) -> Bool { index(address) != nil }

  /// False when there are too many.
  static func add(_ address: UInt64, original: UInt8) -> Bool {
    if contains(address) { return true }
    let table = table ?? .allocate(capacity: capacity)
    self.table = table
    guard count < capacity else { return false }
    (table + count).initialize(to: Breakpoint(address: address, original: original))
    count += 1
    Patch.write(0xcc, at: address)
    return true
  }

  static func remove(_ address: UInt64) {
    guard let table, let index = index(address) else { return }
    Patch.write(table[index].original, at: address)
    count -= 1
    table[index] = table[count]
  }

  static func removeAll() { while count > 0, let table { remove(table[count - 1].address) } }

  /// Puts the instruction back for now: the stub is about to run it.
  @inline(__always)
  static func lift(_ address: UInt64) {
    guard let table, let index = index(address) else { return }
    table[index].isLifted = true
    store(table[index].original, at: address)
  }

  /// The stub is done; what it does from here on meets none.
  @inline(__always)
  static func putBack() {
    guard let table else { return }
    var index = 0
    while index < count {
      if table[index].isLifted {
        table[index].isLifted = false
        store(0xcc, at: table[index].address)
      }
      index += 1
    }
  }

  /// Not by `Patch`, which may have breakpoints itself: the page is not writable, but nothing checks that.
  @inline(__always)
  private static func store(_ byte: UInt8, at address: UInt64) {
    let control = read_cr0()
    write_cr0(control & ~(1 << 16))  // WP
    mmio_write8(address, byte)
    write_cr0(control)
  }
}

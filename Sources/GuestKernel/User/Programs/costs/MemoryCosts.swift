/// Page faults of every kind, and mapping.
import Apus
import UserSystem

enum MemoryCosts {
  private static let pages: UInt64 = 16

  static func measure() {
    guard let at = try? Memory.map(size: pages * 4096) else { return }
    var next = at
    Cost.measure("page fault: a first write") {
      do_write(next)
      next += 4096
    }
    Cost.wait(
      Cost.child {
        var next = at
        Cost.measure("page fault: copy on write") {
          do_write(next)
          next += 4096
        }
      })
    Memory.unmap(at, size: pages * 4096)
    zeroPage()
    fileFault()
    Cost.measure("mmap and munmap of a page") {
      if let page = try? Memory.map(size: 4096) { Memory.unmap(page, size: 4096) }
    }
    Cost.measure("brk: a page more, and back") {
      if case .success(let end) = Call.brk(0) {
        _ = Call.brk(end + 4096)
        _ = Call.brk(end)
      }
    }
  }

  private static func zeroPage() {
    guard let at = try? Memory.map(size: pages * 4096) else { return }
    var next = at
    Cost.measure("page fault: a first read, of the page of zeroes") {
      _ = do_read(next)
      next += 4096
    }
    Memory.unmap(at, size: pages * 4096)
  }

  /// Of pages that the page cache has: the first round brings them there.
  private static func fileFault() {
    let name = [UInt8](text: "/tmp/costs")
    let content = [UInt8](repeating: 1, count: Int(pages) * 4096)
    guard (try? FileTree.write(content, to: name)) != nil,
      let file = try? Descriptor.open(name)
    else { return }
    defer { try? FileTree.remove(name) }
    var least = UInt64.max
    for _ in 0..<2 {
      let size = pages * 4096
      guard let at = try? Memory.map(size: size, [.read], [.private], file: file) else { break }
      var next = at
      least = Cost.least(Int(pages)) {
        _ = do_read(next)
        next += 4096
      }
      Memory.unmap(at, size: size)
    }
    try? file.close()
    Cost.show("page fault: a file's page that is in memory", least)
  }
}

/// A file that is memory: shared mappings write to the file, private ones to pages of their own.
import KernelArch

enum MappedFileDemo {
  private static let path: [UInt8] = [UInt8](text: "/tmp/mapped")

  static func run() -> Bool {
    do throws(SystemFailure) {
      return try show()
    } catch {
      return Demo.check(false, "\(error.error.name)")
    }
  }

  private static func show() throws(SystemFailure) -> Bool {
    let flags: OpenFlags = [.create, .truncate, .readWrite]
    let file = try Namespace.open(path, flags, permissions: 0o600)
    defer {
      file.drop()
      remove()
    }
    _ = try write(file, "the first version.")
    guard let inode = file.inode, let object = PageCache.object(of: inode, name: path),
      let shared = DemoMemory.map(2, .shared, object: object),
      let own = DemoMemory.map(1, object: object)
    else { return false }
    defer {
      DemoMemory.unmap(shared, 2)
      DemoMemory.unmap(own, 1)
    }
    Demo.say("A file of 18 bytes is mapped twice, shared and private.")
    var passed = Demo.check(
      text(shared) && text(own) && DemoMemory.frame(shared) == DemoMemory.frame(own),
      "both show it, and both show the same frame, that of the page cache")
    _ = UserMemory.write([UInt8](text: "his"), to: own + 1)
    _ = UserMemory.write([UInt8](text: "THE"), to: shared)
    passed =
      Demo.check(
        DemoMemory.frame(shared) != DemoMemory.frame(own),
        "after a write to each the private one has a copy") && passed
    object.writeBack()
    passed =
      Demo.check(try begins(file, "THE first"), "the file has what the shared one wrote") && passed
    _ = try write(file, "AND")
    passed =
      Demo.check(
        UserMemory.read(shared, count: 3) == [UInt8](text: "AND"),
        "what write(2) writes shows in the shared mapping at once") && passed
    passed =
      Demo.check(
        UserMemory.read(own, count: 4) == [UInt8](text: "this"), "and not in the private one")
      && passed
    passed =
      Demo.check(
        DemoMemory.read(shared + pageSize) == nil, "beyond the last page there is nothing")
      && passed
    return passed
  }

  private static func remove() {
    do throws(SystemFailure) {
      try Namespace.remove(try PathWalk.parent(of: path), directory: false)
    } catch {
      Demo.say("\(error.error.name)")
    }
  }

  private static func write(_ file: OpenFile, _ text: StaticString) throws(SystemFailure) -> Int {
    let bytes = [UInt8](text: text)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
    defer { buffer.deallocate() }
    buffer.copyBytes(from: bytes)
    return try file.write(at: 0, UnsafeRawBufferPointer(buffer))
  }

  private static func begins(_ file: OpenFile, _ text: StaticString) throws(SystemFailure) -> Bool {
    let wanted = [UInt8](text: text)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: wanted.count, alignment: 8)
    defer { buffer.deallocate() }
    _ = try file.read(at: 0, into: buffer)
    return Array(buffer) == wanted
  }

  private static func text(_ address: UInt64) -> Bool {
    UserMemory.read(address, count: 9) == [UInt8](text: "the first")
  }
}

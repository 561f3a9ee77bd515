/// What a path walk does: components, the name cache, links, mounts, and files without a name.
enum VFSDemo {
  static func run() -> Bool {
    do throws(SystemFailure) {
      try Namespace.makeDirectories([UInt8](text: "/tmp/demo/a/b"))
      let passed = try walk()
      let followed = try links() && passed
      let covered = try mounts() && followed
      let orphaned = try orphan() && covered
      try clear()
      return orphaned
    } catch {
      return Demo.check(false, "no step fails (this one: \(error.error.name))")
    }
  }

  private static func path(_ text: StaticString) throws(SystemFailure) -> Path {
    try PathWalk.resolve([UInt8](text: text), nil)
  }

  private static func create(_ text: StaticString, _ content: StaticString) throws(SystemFailure) {
    let file = try Namespace.open(
      [UInt8](text: text), [.create, .truncate, .writeOnly], permissions: 0o644, nil)
    defer { file.drop() }
    try FileBytes.write([UInt8](text: content), to: file)
  }

  private static func walk() throws(SystemFailure) -> Bool {
    Demo.say("A walk takes a path apart: names go down, .. goes up, . stays.")
    try create("/tmp/demo/a/b/file", "found")
    let found = try path("/tmp/../tmp/demo/./a//b/../b/file")
    var passed = Demo.check(
      found.text.equals("/tmp/demo/a/b/file"),
      "/tmp/../tmp/demo/./a//b/../b/file is \(text: found.text)")
    Demo.say("Each name is looked up in its directory once; then the name cache knows it.")
    _ = try path("/tmp/demo/a/b/file")
    let before = NameCache.counters
    _ = try path("/tmp/demo/a/b/file")
    let after = NameCache.counters
    passed =
      Demo.check(
        after.hits - before.hits == 5 && after.misses == before.misses,
        "the second walk: \(after.hits - before.hits) names from the cache, \(after.misses - before.misses) from directories"
      ) && passed
    return passed
  }

  private static func links() throws(SystemFailure) -> Bool {
    Demo.say("A symbolic link is a text that takes the place of its name.")
    try Namespace.createLink(
      try PathWalk.parent(of: [UInt8](text: "/tmp/demo/short"), nil),
      to: [UInt8](text: "a/b"))
    let passed = Demo.check(
      try path("/tmp/demo/short/file").text.equals("/tmp/demo/a/b/file"),
      "/tmp/demo/short -> a/b: /tmp/demo/short/file is /tmp/demo/a/b/file")
    try Namespace.createLink(
      try PathWalk.parent(of: [UInt8](text: "/tmp/demo/circle"), nil),
      to: [UInt8](text: "circle"))
    do throws(SystemFailure) {
      _ = try path("/tmp/demo/circle")
    } catch {
      return Demo.check(
        error.error == .tooManyLinks,
        "circle -> circle: \(error.error.symbol) after \(PathSteps.maximumLinks) links"
      ) && passed
    }
    return Demo.check(false, "a circle of links ends")
  }

  private static func mounts() throws(SystemFailure) -> Bool {
    Demo.say("A mount covers a directory; .. in its root leads out again.")
    let point = try path("/tmp/demo/a")
    Mounts.add(RamFS("ramfs"), on: point, source: [UInt8](text: "demo"))
    var isHidden = false
    do throws(SystemFailure) {
      _ = try path("/tmp/demo/a/b/file")
    } catch {
      isHidden = error.error == .notFound
    }
    var passed = Demo.check(isHidden, "with a file system on /tmp/demo/a, its b/file is hidden")
    try create("/tmp/demo/a/other", "")
    let up = try path("/tmp/demo/a/..").text
    passed = Demo.check(up.equals("/tmp/demo"), "/tmp/demo/a/.. is \(text: up)") && passed
    var isBusy = false
    do throws(SystemFailure) {
      let used = try Namespace.open(
        [UInt8](text: "/tmp/demo/a/other"), .readOnly, permissions: 0, nil)
      defer { used.drop() }
      try Mounts.remove(try path("/tmp/demo/a"))
    } catch {
      isBusy = error.error == .busy
    }
    passed = Demo.check(isBusy, "while a file on it is open it stays: EBUSY") && passed
    try Mounts.remove(try path("/tmp/demo/a"))
    _ = try path("/tmp/demo/a/b/file")
    return Demo.check(true, "unmounted, b/file is back") && passed
  }

  private static func orphan() throws(SystemFailure) -> Bool {
    Demo.say("A file lives as long as it has a name or a user.")
    let file = try Namespace.open(
      [UInt8](text: "/tmp/demo/a/b/file"), .readOnly, permissions: 0, nil)
    defer { file.drop() }
    try Namespace.remove(
      try PathWalk.parent(of: [UInt8](text: "/tmp/demo/a/b/file"), nil), directory: false)
    let text = try FileBytes.read(16, from: file)
    return Demo.check(
      file.inode?.links == 0 && text.equals("found"),
      "removed while open: no name is left, the content still reads \"\(text: text)\"")
  }

  private static func clear() throws(SystemFailure) {
    for name in ["/tmp/demo/short", "/tmp/demo/circle"] as [StaticString] {
      try Namespace.remove(try PathWalk.parent(of: [UInt8](text: name), nil), directory: false)
    }
    for name in ["/tmp/demo/a/b", "/tmp/demo/a", "/tmp/demo"] as [StaticString] {
      try Namespace.remove(try PathWalk.parent(of: [UInt8](text: name), nil), directory: true)
    }
  }
}

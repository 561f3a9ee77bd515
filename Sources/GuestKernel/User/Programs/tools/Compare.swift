/// cmp and diff: whether two files are alike, and where they are not.
import Apus

enum Compare {
  static let tools: [Tool] = [
    Tool(
      name: "cmp", usage: "cmp [-ls] FILE FILE", summary: "the first byte in which files differ",
      run: compare),
    Tool(
      name: "diff", usage: "diff [-qru] OLD NEW", summary: "the lines in which files differ",
      run: difference),
  ]

  private static func contents(_ name: [UInt8]) -> [UInt8] {
    do throws(SystemError) {
      return name.equals("-")
        ? try Descriptor.input.readAll() : try FileTree.contents(of: name)
    } catch {
      fail("\(text: name): \(error.name)", code: 2)
    }
  }

  /// 0 when they are alike, 1 when not, 2 when that cannot be said.
  private static func compare(_ arguments: [[UInt8]]) -> Int32 {
    let options = Options(arguments, known: "ls", operands: 2...2)
    let names = options.operands
    let (first, second) = (contents(names[0]), contents(names[1]))
    var line = 1
    var differs = false
    for (index, (a, b)) in zip(first, second).enumerated() {
      if a != b {
        if options.has("s") { return 1 }
        guard options.has("l") else {
          say(bytes: names[0] + [0x20] + names[1])
          say(" differ: byte \(index + 1), line \(line)\n")
          return 1
        }
        differs = true
        say(
          bytes: PrintFormat.text(
            [UInt8](text: "%d %o %o\\n"),
            [index + 1, Int(a), Int(b)].map { [UInt8]("\($0)" as TextLine) }
          ).output)
      }
      if a == 0x0a { line += 1 }
    }
    guard first.count != second.count else { return differs ? 1 : 0 }
    let shorter = first.count < second.count ? names[0] : names[1]
    if !options.has("s") { complain("end of file on \(text: shorter)") }
    return 1
  }

  private static func difference(_ arguments: [[UInt8]]) -> Int32 {
    let options = Options(arguments, known: "qru", operands: 2...2)
    var (old, new) = (options.operands[0], options.operands[1])
    if FileTree.isDirectory(old), FileTree.isDirectory(new) {
      return directories(old, new, options)
    }
    if FileTree.isDirectory(old) { old = path(old, new.lastPathPart) }
    if FileTree.isDirectory(new) { new = path(new, old.lastPathPart) }
    return files(old, new, options, isTitled: false)
  }

  private static func directories(_ old: [UInt8], _ new: [UInt8], _ options: Options) -> Int32 {
    let left = (try? FileTree.entries(of: old)) ?? []
    let right = (try? FileTree.entries(of: new)) ?? []
    var names =
      left.map { $0.name }
      + right.map { $0.name }.filter { name in
        !left.contains { $0.name == name }
      }
    names.sort { $0.precedes($1) }
    var code: Int32 = 0
    for name in names {
      let isLeft = left.contains { $0.name == name }
      guard isLeft, right.contains(where: { $0.name == name }) else {
        say(bytes: [UInt8](text: "Only in ") + (isLeft ? old : new) + [0x3a, 0x20] + name + [0x0a])
        code = 1
        continue
      }
      let (a, b) = (path(old, name), path(new, name))
      if FileTree.isDirectory(a), FileTree.isDirectory(b) {
        if options.has("r") { code = max(code, directories(a, b, options)) }
      } else {
        code = max(code, files(a, b, options, isTitled: true))
      }
    }
    return code
  }

  private static func files(
    _ old: [UInt8], _ new: [UInt8], _ options: Options, isTitled: Bool
  ) -> Int32 {
    let (before, after) = (contents(old), contents(new))
    if before == after { return 0 }
    if options.has("q") || before.contains(0) || after.contains(0) {
      say(bytes: [UInt8](text: "Files ") + old + [UInt8](text: " and ") + new)
      say(" differ\n")
      return 1
    }
    if isTitled { say(bytes: [UInt8](text: "diff ") + old + [0x20] + new + [0x0a]) }
    let (left, right) = (Self.lines(before), Self.lines(after))
    let changes = LineDifference.changes(from: left, to: right)
    if options.has("u") {
      say(bytes: [UInt8](text: "--- ") + old + [UInt8](text: "\n+++ ") + new + [0x0a])
      unified(changes, left, right)
    } else {
      for change in changes { normal(change, left, right) }
    }
    return 1
  }

  /// A last line without its end is another line than one with it.
  private static func lines(_ text: [UInt8]) -> [[UInt8]] {
    var lines = text.split(separator: 0x0a, omittingEmptySubsequences: false).map { Array($0) }
    if lines.last?.isEmpty ?? false {
      lines.removeLast()
    } else {
      lines[lines.count - 1] += [UInt8](text: "\n\\ No newline at end of file")
    }
    return lines
  }

  // MARK: Two ways to say it

  /// `3,4c5`, as `ed` would change it.
  private static func normal(
    _ change: LineDifference.Change, _ old: [[UInt8]], _ new: [[UInt8]]
  ) {
    func range(_ range: Range<Int>) -> TextLine {
      range.count > 1
        ? "\(range.lowerBound + 1),\(range.upperBound)"
        : "\(range.isEmpty ? range.lowerBound : range.upperBound)"
    }
    let letter: StaticString = change.old.isEmpty ? "a" : change.new.isEmpty ? "d" : "c"
    say("\(range(change.old))\(letter)\(range(change.new))\n")
    for line in old[change.old] { say(bytes: [0x3c, 0x20] + line + [0x0a]) }
    if !change.old.isEmpty, !change.new.isEmpty { say("---\n") }
    for line in new[change.new] { say(bytes: [0x3e, 0x20] + line + [0x0a]) }
  }

  /// Hunks with three lines around, as `diff -u` has them.
  private static func unified(
    _ changes: [LineDifference.Change], _ old: [[UInt8]], _ new: [[UInt8]]
  ) {
    let around = 3
    var rest = changes[...]
    while let first = rest.popFirst() {
      var hunk = [first]
      while let next = rest.first,
        next.old.lowerBound - hunk[hunk.count - 1].old.upperBound <= 2 * around
      {
        hunk.append(next)
        rest = rest.dropFirst()
      }
      let last = hunk[hunk.count - 1]
      let start = min(around, first.old.lowerBound)
      let end = min(around, old.count - last.old.upperBound)
      let left = first.old.lowerBound - start..<last.old.upperBound + end
      let right = first.new.lowerBound - start..<last.new.upperBound + end
      say("@@ -\(place(left)) +\(place(right)) @@\n")
      var at = left.lowerBound
      for change in hunk {
        show(old[at..<change.old.lowerBound], 0x20)
        show(old[change.old], 0x2d)
        show(new[change.new], 0x2b)
        at = change.old.upperBound
      }
      show(old[at..<left.upperBound], 0x20)
    }
  }

  private static func place(_ range: Range<Int>) -> TextLine {
    let start = range.isEmpty ? range.lowerBound : range.lowerBound + 1
    return range.count == 1 ? "\(start)" : "\(start),\(range.count)"
  }

  private static func show(_ lines: ArraySlice<[UInt8]>, _ mark: UInt8) {
    for line in lines { say(bytes: [mark] + line + [0x0a]) }
  }
}

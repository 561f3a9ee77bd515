import GuestKernel
import Testing

/// One step that a program does.
private enum Step {
  case make(String)
  case makeDirectory(String)
  case write(String, at: Int, count: Int, seed: UInt8)
  case truncate(String, to: Int)
  case remove(String)
  case rename(String, String)
  case link(String, String)
  case sync

  func perform(on volume: ApusVolume) throws(DiskFailure) {
    switch self {
    case .make(let path):
      var inode = ApusInode()
      inode.mode = FileMode(.regular, permissions: 0o644)
      _ = try volume.create(Step.name(path), in: try Step.parent(path, volume), inode)
    case .makeDirectory(let path):
      var inode = ApusInode()
      inode.mode = FileMode(.directory, permissions: 0o755)
      _ = try volume.create(Step.name(path), in: try Step.parent(path, volume), inode)
    case .write(let path, let position, let count, let seed):
      let bytes = (0..<count).map { seed &+ UInt8(truncatingIfNeeded: $0 / 7) }
      let number = try Step.find(path, volume)
      let result: Result<Int, DiskFailure> = bytes.withUnsafeBytes { buffer in
        do throws(DiskFailure) {
          return .success(
            try volume.write(number, at: UInt64(position), from: buffer, time: 0))
        } catch { return .failure(error) }
      }
      _ = try result.get()
    case .truncate(let path, let size):
      try volume.truncate(try Step.find(path, volume), to: UInt64(size), time: 0)
    case .remove(let path):
      let number = try Step.find(path, volume)
      try volume.unlink(Step.name(path), in: try Step.parent(path, volume))
      if try volume.inode(number).links == 0 { try volume.remove(number) }
    case .rename(let old, let new):
      let replaced = try volume.find(Step.name(new), in: try Step.parent(new, volume))
      try volume.rename(
        Step.name(old), in: try Step.parent(old, volume), to: Step.name(new),
        in: try Step.parent(new, volume))
      if let replaced, try volume.inode(replaced).links == 0 { try volume.remove(replaced) }
    case .link(let old, let new):
      try volume.link(Step.name(new), try Step.find(old, volume), in: try Step.parent(new, volume))
    case .sync:
      try volume.sync()
    }
  }

  static func name(_ path: String) -> [UInt8] {
    Array((path.split(separator: "/").last ?? "").utf8)
  }

  static func parent(_ path: String, _ volume: ApusVolume) throws(DiskFailure) -> UInt32 {
    var directory = ApusLayout.rootInode
    for part in path.split(separator: "/").dropLast() {
      guard let next = try volume.find(Array(part.utf8), in: directory) else {
        throw DiskFailure(.notFound)
      }
      directory = next
    }
    return directory
  }

  static func find(_ path: String, _ volume: ApusVolume) throws(DiskFailure) -> UInt32 {
    guard let number = try volume.find(name(path), in: try parent(path, volume)) else {
      throw DiskFailure(.notFound)
    }
    return number
  }
}

/// The whole tree with all contents, as text.
private func snapshot(_ volume: ApusVolume) throws(DiskFailure) -> [String] {
  var lines: [String] = []
  var waiting: [(path: String, inode: UInt32)] = [("", ApusLayout.rootInode)]
  while let (path, directory) = waiting.popLast() {
    var position: UInt64 = 0
    while true {
      let entries = try volume.list(directory, from: position)
      guard let last = entries.last else { break }
      position = last.next
      for entry in entries {
        let full = path + "/" + String(decoding: entry.name, as: UTF8.self)
        let inode = try volume.inode(UInt32(entry.inode))
        if entry.kind == .directory {
          waiting.append((full, UInt32(entry.inode)))
          lines.append("\(full)/ links \(inode.links)")
        } else {
          var bytes = [UInt8](repeating: 0, count: Int(inode.size))
          let result: Result<Int, DiskFailure> = bytes.withUnsafeMutableBytes { buffer in
            do throws(DiskFailure) {
              return .success(try volume.read(UInt32(entry.inode), at: 0, into: buffer))
            } catch { return .failure(error) }
          }
          _ = try result.get()
          var sum = CRC32C()
          for byte in bytes { sum.add(byte) }
          lines.append("\(full) \(inode.size) bytes \(sum.value) links \(inode.links)")
        }
      }
    }
  }
  return lines.sorted()
}

private let blocks: UInt32 = 192

private func formatted() throws -> [UInt8] {
  let store = CrashStore(blocks: blocks)
  try ApusVolume.format(store)
  return store.durable
}

/// Files and directories come, grow, move and go, for longer than the journal has room.
private let story: [Step] = {
  var steps: [Step] = [
    .makeDirectory("/a"), .make("/a/one"), .write("/a/one", at: 0, count: 4096, seed: 1),
    .write("/a/one", at: 3000, count: 4096, seed: 2), .sync, .makeDirectory("/a/b"),
    .rename("/a/one", "/a/b/uno"), .make("/two"), .write("/two", at: 100, count: 50, seed: 3),
    .link("/two", "/a/zwei"), .sync, .remove("/two"), .make("/journal"),
    .write("/journal", at: 0, count: 8, seed: 0x4a), .rename("/a/zwei", "/a/b/uno"),
    .truncate("/a/b/uno", to: 120), .sync,
  ]
  for index in 0..<12 {
    steps.append(.make("/f\(index)"))
    steps.append(.write("/f\(index)", at: index * 6000, count: 4096, seed: UInt8(index)))
    if index % 5 == 4 { steps.append(.sync) }
    if index > 3 { steps.append(.remove("/f\(index - 4)")) }
  }
  steps += [
    .write("/f11", at: 200_000, count: 4096, seed: 9), .truncate("/f11", to: 50_000), .sync,
    .rename("/a", "/c"), .makeDirectory("/c/d"), .rename("/c/b", "/c/d/e"), .remove("/f11"), .sync,
    .remove("/c/d/e/uno"), .remove("/c/d/e"), .remove("/c/d"), .sync,
  ]
  return steps
}()

/// What the tree looks like after each number of steps, and after which steps it was synchronised.
private func history(_ image: [UInt8]) throws -> (states: [[String]], writes: Int) {
  let store = CrashStore(image: image)
  let volume = try ApusVolume(store)
  var states = [try snapshot(volume)]
  for step in story {
    try step.perform(on: volume)
    states.append(try snapshot(volume))
  }
  try volume.close()
  return (states, store.writes)
}

@Suite struct ApusCrashTests {
  /// Runs the story until write `limit` fails; the number of steps that a sync has made safe.
  private func run(_ store: CrashStore) -> Int {
    var safe = 0
    do throws(DiskFailure) {
      let volume = try ApusVolume(store)
      for (index, step) in story.enumerated() {
        try step.perform(on: volume)
        if case .sync = step { safe = index + 1 }
      }
      try volume.close()
      safe = story.count
    } catch {}
    return safe
  }

  /// The state found must be one that the story went through, not before what was made safe.
  private func check(
    _ image: [UInt8], _ states: [[String]], from safe: Int, _ place: String
  ) throws {
    let store = CrashStore(image: image)
    let volume = try ApusVolume(store)
    let problems = try ApusCheck.run(volume).problems
    #expect(problems.isEmpty, "\(place): \(problems.count) problems")
    let found = try snapshot(volume)
    #expect(states[safe...].contains(found), "\(place): a state that never was: \(found)")
  }

  @Test func everyCrashLeavesAStateThatWas() throws {
    let image = try formatted()
    let (states, writes) = try history(image)
    var random = TestRandom(state: 0x9e37_79b9_7f4a_7c15)
    var points = 0
    for limit in 0...writes {
      let store = CrashStore(image: image)
      store.limit = limit
      let safe = run(store)
      let count = store.pending.count
      try check(store.image { _ in true }, states, from: safe, "all, write \(limit)")
      try check(store.image { _ in false }, states, from: safe, "none, write \(limit)")
      points += 2
      guard count > 0 else { continue }
      let torn = store.image(torn: 1 + random.below(7)) { _ in true }
      try check(torn, states, from: safe, "torn, write \(limit)")
      for _ in 0..<4 {
        let mask = (0..<count).map { _ in random.below(2) == 1 }
        try check(store.image { mask[$0] }, states, from: safe, "some, write \(limit)")
      }
      points += 5
    }
    print("crash points survived: \(points) at \(writes + 1) writes, \(story.count) steps")
  }

  @Test func aCrashDuringRecoveryIsRecoveredFrom() throws {
    let image = try formatted()
    let (states, writes) = try history(image)
    var points = 0
    for limit in stride(from: 7, to: writes, by: 11) {
      let first = CrashStore(image: image)
      first.limit = limit
      let safe = run(first)
      let broken = first.image { _ in true }
      for second in 0..<40 {
        let store = CrashStore(image: broken)
        store.limit = second
        do throws(DiskFailure) {
          _ = try ApusVolume(store)
          break  // recovery was done with fewer writes
        } catch {}
        try check(
          store.image { $0 % 2 == 0 }, states, from: safe, "write \(limit), then \(second)")
        points += 1
      }
    }
    print("crash points in recovery survived: \(points)")
  }

  /// Without the journal's order the same test must fail: else it would prove nothing.
  @Test func theTestFindsAJournalThatDoesNotFlush() throws {
    let image = try formatted()
    let (states, writes) = try history(image)
    var bad = 0
    for limit in 0...writes {
      let store = CrashStore(image: image)
      store.ignoresFlushes = true
      store.limit = limit
      let safe = run(store)
      let broken = store.image { $0 % 3 != 0 }
      do {
        let volume = try ApusVolume(CrashStore(image: broken))
        let isSound = try ApusCheck.run(volume).problems.isEmpty
        if try !isSound || !states[safe...].contains(snapshot(volume)) { bad += 1 }
      } catch { bad += 1 }
    }
    #expect(bad > 0)
  }
}

/// Numbers that look random and are the same each time.
struct TestRandom {
  var state: UInt64
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}

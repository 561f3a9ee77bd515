/// The journal: a machine loses its power in the middle of a rename, at every write there is.
enum JournalDemo {
  private static let blocks: UInt32 = 96

  static func run() -> Bool {
    do throws(DiskFailure) {
      let empty = CrashStore(blocks: blocks)
      try ApusVolume.format(empty)
      try story(empty)
      let total = empty.writes
      Demo.say("A file is written and renamed over another one; then the disk is synchronised.")
      Demo.say("That takes \(total) block writes. The power fails at each of them in turn,")
      Demo.say("once with all writes since the last flush on the disk, once with every second one.")
      var before = 0
      var after = 0
      var bad = 0
      var replayed = 0
      for limit in 0...total {
        for everySecond in [false, true] {
          let found = try crash(at: limit, everySecond)
          replayed += found.replayed
          switch found.state {
          case .old: before += 1
          case .new: after += 1
          case .broken: bad += 1
          }
        }
      }
      Demo.say("\(before) times the old file is found, \(after) times the new one.")
      Demo.say("\(replayed) transactions were repeated from the journal.")
      var passed = Demo.check(bad == 0, "never anything between, never a volume fsck complains of")
      passed = Demo.check(before > 0 && after > 0 && replayed > 0, "both outcomes occur") && passed
      return passed
    } catch {
      return Demo.check(false, "no step fails (this one: \(error.error.name))")
    }
  }

  private enum State {
    case old
    case new
    case broken
  }

  private static func file(_ name: StaticString, _ volume: ApusVolume) throws(DiskFailure) -> UInt32
  {
    var inode = ApusInode()
    inode.mode = FileMode(.regular, permissions: 0o644)
    return try volume.create([UInt8](text: name), in: ApusLayout.rootInode, inode)
  }

  private static func write(
    _ text: StaticString, _ number: UInt32, _ volume: ApusVolume
  ) throws(DiskFailure) {
    let bytes = [UInt8](text: text)
    let result: Result<Int, DiskFailure> = bytes.withUnsafeBytes { buffer in
      do throws(DiskFailure) {
        return .success(try volume.write(number, at: 0, from: buffer, time: 0))
      } catch { return .failure(error) }
    }
    _ = try result.get()
  }

  /// The first part is before the crash, and safe; the second is what the crash hits.
  private static func story(_ store: CrashStore) throws(DiskFailure) {
    let volume = try ApusVolume(store)
    try write("old", try file("name", volume), volume)
    try volume.close()
    store.startCounting()
    try write("new", try file("other", volume), volume)
    try volume.rename(
      [UInt8](text: "other"), in: ApusLayout.rootInode, to: [UInt8](text: "name"),
      in: ApusLayout.rootInode)
    try volume.close()
  }

  private static func crash(
    at limit: Int, _ everySecond: Bool
  ) throws(DiskFailure) -> (state: State, replayed: Int) {
    let store = CrashStore(blocks: blocks)
    try ApusVolume.format(store)
    store.limitAfterCounting = limit
    do throws(DiskFailure) { try story(store) } catch {}
    let image = store.image { !everySecond || $0 % 2 == 0 }
    let volume = try ApusVolume(CrashStore(image: image))
    guard try ApusCheck.run(volume).problems.isEmpty,
      let number = try volume.find([UInt8](text: "name"), in: ApusLayout.rootInode)
    else { return (.broken, 0) }
    var bytes = [UInt8](repeating: 0, count: 3)
    let result: Result<Int, DiskFailure> = bytes.withUnsafeMutableBytes { buffer in
      do throws(DiskFailure) {
        return .success(try volume.read(number, at: 0, into: buffer))
      } catch { return .failure(error) }
    }
    _ = try result.get()
    let state: State = bytes.equals("old") ? .old : bytes.equals("new") ? .new : .broken
    return (state, volume.journal.replayed)
  }
}

import Foundation
import TestImages
import Testing

/// `emu crash`: our own file system under it, and how it says what does not hold.
@Suite struct CrashTests {
  private let folder: TemporaryFolder
  private let disk: String

  /// A disk with an empty volume.
  init() throws {
    folder = try TemporaryFolder()
    disk = try folder.file("disk", [UInt8](repeating: 0, count: 1 << 20))
    let made = try Command.run([
      "boot", "--disk", "\(disk),writable", "--append", #"quiet cmd="mkfs /dev/vda" exit"#,
    ])
    #expect(made.status == 0, "\(made.output)\(made.errors)")
  }

  private func crash(_ story: String, _ then: String, _ options: [String]) throws -> Command.Result
  {
    let mount = "mount -t apusfs /dev/vda /mnt"
    return try Command.run(
      [
        "crash", "--disk", disk, "--append", "quiet cmd=\"\(mount); \(story)\" exit", "--then",
        "quiet cmd=\"\(then)\" exit",
      ] + options, seconds: 600)
  }

  /// The whole machine loses its power at every write, and at each the disk may forget some.
  @Test func theFileSystemSurvivesACrashAtAnyWrite() throws {
    let story = """
      echo one > /mnt/a; mkdir /mnt/d; mv /mnt/a /mnt/d/b; sync; ln /mnt/d/b /mnt/c; rm /mnt/d/b; \
      umount /mnt
      """
    // It is not only sound: it can be worked with.
    let then = """
      fsck /dev/vda && mount -t apusfs /dev/vda /mnt && echo two > /mnt/new && umount /mnt && \
      fsck /dev/vda && echo all is well
      """
    let result = try crash(
      story, then, ["--expect", "^all is well", "--forbid", "PANIC", "--unflushed", "1"])
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    let counts = result.output.split(separator: " ").compactMap { Int($0) }
    #expect(counts.count == 3 && counts[0] == counts[1] && counts[2] > 30, "\(result.output)")
  }

  @Test func aFailureSaysWhereThePowerFailed() throws {
    let story = "echo first > /mnt/a; sync; echo second > /mnt/b; umount /mnt"
    let then = "mount -t apusfs /dev/vda /mnt; cat /mnt/a"
    let result = try crash(story, then, ["--expect", "^first"])
    #expect(result.status == 1)
    #expect(result.output.contains("FAILED  0\n"), "\(result.output)")
    #expect(result.output.contains("expected the console to show /^first/"))
    let last = try #require(
      result.output.split(separator: "\n").first { $0.hasPrefix("also: ") }?.split(separator: " ")
        .last)
    // What is there once, stays there.
    let written = try crash(story, then, ["--expect", "^first", "--at", "\(Int(last)! + 1)"])
    #expect(written.status == 0, "\(written.output)")
    let kept = folder.path("kept")
    let again = try crash(
      story, then, ["--expect", "^first", "--at", String(last), "--keep", kept])
    #expect(again.status == 1)
    #expect(again.output.contains("bytes at byte"), "\(again.output)")
    let booted = try Command.run([
      "boot", "--disk", kept, "--append", "quiet cmd=\"\(then)\" exit",
    ])
    #expect(!booted.output.contains("first\r\n"), "\(booted.output)")
  }

  @Test(arguments: [
    (["--expect", "x"], "--disk was expected"),
    (["--disk", "DISK"], "--expect"),
    (["--disk", "DISK", "--expect", "("], "--expect"),
    (["--disk", "DISK", "--expect", "x", "--unflushed=-1"], "--unflushed takes"),
    (["--disk", "DISK", "--expect", "x", "--keep", "y"], "--keep needs --at"),
    (["--disk", "DISK", "--expect", "x", "--at", "1.0"], "--at"),
  ])
  func wrongUseIsASentence(arguments: [String], mentioned: String) throws {
    let result = try Command.run(["crash"] + arguments.map { $0 == "DISK" ? disk : $0 })
    #expect(result.status == 2)
    #expect(result.errors.contains(mentioned), "\(result.errors)")
  }

  @Test func aRunThatDoesNotEndIsNoStory() throws {
    let result = try Command.run([
      "crash", "--disk", disk, "--expect", "x", "--limit", "1000000",
    ])
    #expect(result.status == 5)
    #expect(result.errors.contains("has to end by itself, but the limit was reached"))
  }
}

import Emulator
import EmulatorTesting
import Testing

/// Disks as they are after each write of a run.
@Suite struct PowerCutTests {
  /// A disk of zeroes.
  private final class Blank: BlockBackend, Sendable {
    let size: UInt64 = 16 << 10
    let isReadOnly = true
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
      buffer.initializeMemory(as: UInt8.self, repeating: 0)
      return true
    }
    func write(at offset: UInt64, _ bytes: UnsafeRawBufferPointer) -> Bool { false }
    func flush() -> Bool { false }
  }

  /// Two writes, a flush, and three writes, each a sector of its number.
  private let disk: RecordedDisk

  init() {
    disk = RecordedDisk(over: Blank())
    for number in 1...5 {
      _ = disk.write(
        at: UInt64(number) * 512, [UInt8](repeating: UInt8(number), count: 512))
      if number == 2 { _ = disk.flush() }
    }
  }

  /// The sectors that hold their number.
  private func sectors(_ disk: RecordedDisk) -> [Int] {
    (1...5).filter { disk.read(at: UInt64($0) * 512, count: 512)?.first == UInt8($0) }
  }

  @Test func everyStateIsThereAgain() {
    for count in 0...5 { #expect(sectors(disk.disk(after: count)) == Array(1..<count + 1)) }
    #expect(disk.writes.map(\.offset) == [512, 1024, 1536, 2048, 2560])
  }

  @Test func aLaterWriteToTheSamePlaceCounts() {
    _ = disk.write(at: 512, [UInt8](repeating: 9, count: 512))
    #expect(disk.read(at: 512, count: 1) == [9])
    #expect(disk.disk(after: 5).read(at: 512, count: 1) == [1])
  }

  @Test func whatWasFlushedIsNeverLost() {
    #expect(sectors(disk.disk(after: 5) { _ in true }) == [1, 2])
    #expect(sectors(disk.disk(after: 5) { $0 == 3 }) == [1, 2, 3, 5])
    #expect(sectors(disk.disk(after: 2) { _ in true }) == [])
  }

  @Test func writesOutsideAreRefused() {
    #expect(!disk.write(at: 16 << 10, [0]))
    #expect(disk.writes.count == 5)
  }

  @Test func aDiskThatLosesIsAlwaysTheSame() {
    let all = PowerCut.all(of: disk, variants: 2)
    // Behind one write that was not flushed, nothing new can be missing.
    #expect(
      all.map(\.description)
        == ["0", "1", "2", "2.1", "2.2", "3", "4", "4.1", "4.2", "5", "5.1", "5.2"])
    for cut in all {
      #expect(sectors(cut.disk(of: disk, seed: 1)) == sectors(cut.disk(of: disk, seed: 1)))
    }
    let found = Set(
      (1...60).map {
        sectors(PowerCut(writes: 5, variant: $0).disk(of: disk, seed: 7))
      })
    #expect(found.count == 8, "each of three writes may be missing")
  }

  @Test func momentsHaveNames() {
    #expect(PowerCut("12") == PowerCut(writes: 12))
    #expect(PowerCut("12.3") == PowerCut(writes: 12, variant: 3))
    for wrong in ["", "x", "-1", "1.", "1.0", "1.2.3", ".1"] { #expect(PowerCut(wrong) == nil) }
  }
}

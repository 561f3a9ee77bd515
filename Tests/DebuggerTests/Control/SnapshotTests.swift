import Debugger
import Emulator
import TestImages
import Testing

/// Snapshots: the same execution again, however often one goes back.
@Suite struct SnapshotTests {
  @Test func aRestoredKernelDoesTheSameAgain() throws {
    let machine = try Guests.kernel("run=ps exit")
    var snapshots: [MachineSnapshot] = []
    var states: [[String]] = []
    for _ in 0..<6 {
      snapshots.append(machine.snapshot())
      states.append(machine.parts)
      _ = machine.run(limit: 700_001)
    }
    let end = machine.parts
    for index in [3, 0, 5, 1] {
      machine.restore(snapshots[index])
      #expect(machine.parts == states[index])
      let left = UInt64(snapshots.count - index) * 700_001
      _ = machine.run(limit: left)
      #expect(machine.parts == end)
    }
  }

  @Test(arguments: [2, 4])
  func processorsAreRestoredWithTheirTurn(count: Int) throws {
    let machine = try Guests.processors(count)
    _ = machine.run(limit: 123_457)
    let snapshot = machine.snapshot()
    let stop = machine.run(limit: 200_000_000)
    let end = machine.parts
    let text = machine.debugConsole.text
    #expect(stop == .debugExit(0))
    machine.restore(snapshot)
    #expect(machine.instructionCount == 123_457)
    #expect(machine.run(limit: 200_000_000) == stop)
    #expect(machine.parts == end)
    #expect(machine.debugConsole.text == text)
  }

  @Test func aForkGoesItsOwnWay() throws {
    let machine = try Guests.kernel()
    #expect(machine.run(until: .console("$ "), limit: 100_000_000) == .conditionMet)
    let snapshot = machine.snapshot()
    let other = try machine.fork(snapshot)
    #expect(other.parts == machine.parts)
    other.console.send("ps\n")
    #expect(other.run(until: .console("$ "), limit: 100_000_000) == .conditionMet)
    #expect(other.parts != machine.parts)
    machine.console.send("ps\n")
    #expect(machine.run(until: .console("$ "), limit: 100_000_000) == .conditionMet)
    #expect(other.parts == machine.parts)
    #expect(other.console.output == machine.console.output)
  }

  /// A guest that clears accessed flags without telling the TLB is the same with and without
  /// snapshots on the way: what the TLB knows is part of them.
  @Test func snapshotsDoNotShowInPageTables() throws {
    // loop: AND QWORD [PTE of 200000h], ~60h; MOV EAX, [200000h]; MOV [200000h], EAX; DEC RCX; JNZ
    let quiet = try Guests.kernel("run=ps exit")
    _ = quiet.run(limit: 3_000_000)
    let noisy = try Guests.kernel("run=ps exit")
    for _ in 0..<300 {
      _ = noisy.run(limit: 10_000)
      noisy.restore(noisy.snapshot())
    }
    #expect(noisy.parts == quiet.parts)
  }

  @Test func unchangedPagesCostNothing() throws {
    let machine = try Guests.kernel()
    _ = machine.run(until: .console("$ "), limit: 100_000_000)
    _ = machine.snapshot()
    let kept = machine.snapshotBytes
    let second = machine.snapshot()
    #expect(machine.snapshotBytes == kept)
    #expect(second.cost < 200 << 10)
  }
}

@Suite struct SnapshotFileTests {
  @Test func aSavedMachineGoesOnInAnotherProcessesMachine() throws {
    let machine = try Guests.kernel(input: "ps\n")
    _ = machine.run(limit: 9_000_000)
    let bytes = try SnapshotFile.bytes(of: machine)
    let other = try Guests.kernel()
    try SnapshotFile.restore(other, bytes: bytes, name: "file")
    #expect(other.parts == machine.parts)
    #expect(other.inputLog == machine.inputLog)
    _ = machine.run(limit: 5_000_000)
    _ = other.run(limit: 5_000_000)
    #expect(other.parts == machine.parts)
    #expect(other.console.output == machine.console.output)
  }

  @Test func damagedFilesGetASentence() throws {
    let machine = try Guests.bare(TestCode.loop)
    let bytes = try SnapshotFile.bytes(of: machine)
    for position in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 60)) {
      var damaged = bytes
      damaged[position] ^= 0x41
      #expect(throws: SnapshotFile.Failure.self) {
        try SnapshotFile.restore(machine, bytes: damaged, name: "file")
      }
      #expect(throws: SnapshotFile.Failure.self) {
        try SnapshotFile.restore(machine, bytes: Array(bytes[..<position]), name: "file")
      }
    }
    let other = try Guests.bare(TestCode.loop, processors: 2)
    #expect(throws: SnapshotFile.Failure.self) {
      try SnapshotFile.restore(other, bytes: bytes, name: "file")
    }
  }
}

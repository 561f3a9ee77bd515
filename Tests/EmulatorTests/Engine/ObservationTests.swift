import Emulator
import Foundation
import TestImages
import Testing

/// What observers are told, and that telling them changes nothing.
@Suite struct ObservationTests {
  private static let kernel = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Images/kernel.elf").path

  private func machine(processors: Int = 1) throws -> Machine {
    var configuration = MachineConfiguration(
      memory: 64 << 20, commandLine: #"cmd="hello; crash null; ps; poweroff""#)
    configuration.processors = processors
    return try Machine(image: .file(Self.kernel), configuration: configuration)
  }

  private struct End: Equatable {
    var stop: StopReason
    var count: UInt64
    var digest: UInt64

    init(_ machine: Machine, slice: UInt64 = .max) {
      var stop = StopReason.instructionLimit
      while stop == .instructionLimit { stop = machine.run(limit: slice) }
      self.stop = stop
      count = machine.instructionCount
      digest = machine.stateDigest()
    }
  }

  @Test(arguments: [1, 3])
  func observersChangeNothing(processors: Int) throws {
    let plain = End(try machine(processors: processors))
    let observed = try machine(processors: processors)
    var events = 0
    observed.observer = { _ in events += 1 }
    #expect(End(observed) == plain)
    #expect(events > 1000)
    for weaving in [Weaving.calls, .counters, .instructions, [.calls, .counters]] {
      let woven = try machine(processors: processors)
      woven.weave(weaving)
      #expect(End(woven, slice: 65_537) == plain, "\(weaving)")
    }
  }

  /// On and off again in the middle of a run, which drops all blocks.
  @Test func observationMayBeginAndEndAtAnyTime() throws {
    let plain = End(try machine())
    let changing = try machine()
    for weaving in [Weaving.counters, [], .instructions, .calls, []] {
      changing.weave(weaving)
      #expect(changing.run(limit: 200_001) == .instructionLimit)
    }
    #expect(End(changing) == plain)
  }

  /// Every instruction that the machine counts is counted at its address, whatever cut blocks off;
  /// but for fetches that faulted, which count as one and are none.
  @Test(arguments: [UInt64.max, 1009])
  func countersAreExact(slice: UInt64) throws {
    let counted = try machine(processors: 2)
    counted.weave(.counters)
    var fetchFaults: UInt64 = 0
    counted.observer = { event in
      guard case .delivery(let delivery) = event.kind, delivery.vector == 14,
        (delivery.errorCode ?? 0) & 0x10 != 0
      else { return }
      fetchFaults += 1
    }
    let end = End(counted, slice: slice)
    let counts = counted.executionCounts
    let sum = counts.values.reduce(0) { $0 + $1.executed + $1.iterations }
    #expect(sum + fetchFaults == end.count)
    // Applications share their addresses, so that one's jump may be another's move.
    let branches = counts.filter { $0.value.taken != nil && !$0.key.isUser }
    #expect(branches.count > 100)
    let inexact = branches.filter {
      ($0.value.taken ?? 0) + ($0.value.notTaken ?? 0) != $0.value.executed
    }
    #expect(inexact.isEmpty)
  }

  /// The two ways of counting agree, instruction by instruction.
  @Test func countersAgreeWithSingleInstructions() throws {
    let counted = try machine()
    counted.weave(.counters)
    _ = End(counted)
    var seen: [UInt64: UInt64] = [:]
    let watched = try machine()
    watched.weave(.instructions) { instruction, _ in seen[instruction.rip, default: 0] += 1 }
    _ = End(watched)
    var counts: [UInt64: UInt64] = [:]
    for (location, count) in counted.executionCounts {
      counts[location.address, default: 0] += count.executed
    }
    #expect(counts.values.reduce(0, +) > 1_000_000)
    let different = Set(counts.keys).union(seen.keys).filter {
      counts[$0, default: 0] != seen[$0, default: 0]
    }
    .sorted()
    #expect(different.map { [$0, counts[$0] ?? 0, seen[$0] ?? 0] }.isEmpty)
  }

  @Test func eventsTellTheStoryOfABoot() throws {
    let machine = try machine()
    var kinds: [String: Int] = [:]
    var modes: [OperatingMode] = []
    var pageFaults: [(address: UInt64?, cpl: UInt8)] = []
    var depth = 0
    var output: [UInt8] = []
    var positions: [UInt64] = []
    machine.observer = { event in
      positions.append(event.position)
      kinds["\(event.kind)".split(separator: "(").first.map(String.init) ?? "", default: 0] += 1
      if modes.last != event.target.mode { modes.append(event.target.mode) }
      switch event.kind {
      case .delivery(let delivery) where delivery.vector == 14:
        pageFaults.append((delivery.faultAddress, event.source.cpl))
        #expect(event.target.cpl == 0)
      case .systemCall(.syscall, _):
        #expect(event.source.cpl == 3 && event.target.cpl == 0)
        depth += 1
      case .systemCall(.sysret, _):
        #expect(event.source.cpl == 0 && event.target.cpl == 3)
        depth -= 1
      case .output(0, let byte): output.append(byte)
      default: break
      }
    }
    #expect(machine.run(limit: 100_000_000) == .poweredOff)
    #expect(positions == positions.sorted())
    #expect(output == machine.console.output)
    #expect(modes.suffix(1) == [.long])
    #expect(pageFaults.contains { $0.address == 0 && $0.cpl == 3 })
    for kind in [
      "controlRegister", "modelSpecificRegister", "table", "read", "write", "delivery",
      "systemCall", "output",
    ] {
      #expect(kinds[kind, default: 0] > 0, "\(kind), of \(kinds)")
    }
  }

  /// The small guest that sleeps between ten interrupts of its timer.
  @Test func sleepAndWakingAreTold() throws {
    let path = URL(filePath: Self.kernel).deletingLastPathComponent()
      .appending(path: "timer.elf").path
    let machine = try Machine(image: .file(path))
    var story: [String] = []
    machine.observer = { event in
      switch event.kind {
      case .halt: story.append("halt")
      case .wake: story.append("wake")
      case .delivery(let delivery): story.append("vector \(delivery.vector)")
      case .interruptReturn: story.append("return")
      default: break
      }
    }
    #expect(machine.run(limit: 100_000) == .poweredOff)
    let tick = ["halt", "wake", "vector 32", "return"]
    // The counter's output rises when its mode is set, so the first tick is there before any HLT.
    #expect(story == Array(tick.dropFirst(2)) + (1..<10).flatMap { _ in tick })
  }

  /// Calls nest: what a return goes back to is behind the call that RSP belongs to.
  @Test func callsAndReturnsMatch() throws {
    let machine = try machine()
    machine.weave(.calls)
    var calls = 0
    var returns = 0
    var open: [UInt64: Int] = [:]
    machine.observer = { event in
      switch event.kind {
      case .call(let rsp):
        calls += 1
        open[rsp, default: 0] += 1
      case .callReturn(let rsp):
        returns += 1
        open[rsp &- 8, default: 0] -= 1
      default: break
      }
    }
    #expect(machine.run(limit: 100_000_000) == .poweredOff)
    #expect(calls > 1000)
    #expect(returns > 1000)
    #expect(abs(calls - returns) < 200)
  }

  @Test func instructionsComeWithTheirStores() throws {
    // mov rax, 0x1122334455667788; mov [0x200000], rax; push rax; hlt with IF clear
    let code: [UInt8] = [
      0x48, 0xB8, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x48, 0x89, 0x04, 0x25, 0, 0,
      0x20, 0, 0x50, 0xF4,
    ]
    let fixture = try Machine(
      image: KernelImage(ELFBuilder(code: code).build(), name: "stores"),
      configuration: MachineConfiguration(memory: 16 << 20))
    var stores: [[[UInt64]]] = []
    var lengths: [UInt8] = []
    fixture.weave(.instructions) { instruction, ranges in
      stores.append(ranges.map { [$0.address, $0.count] })
      lengths.append(instruction.length)
    }
    let rsp = fixture.processor.cpu[.rsp]
    #expect(fixture.run(limit: 100) == .haltedForever)
    #expect(lengths == [10, 8, 1, 1])
    #expect(stores[1] == [[0x20_0000, 8]])
    #expect(stores[2] == [[rsp - 8, 8]])
    #expect(stores[0].isEmpty && stores[3].isEmpty)
  }
}

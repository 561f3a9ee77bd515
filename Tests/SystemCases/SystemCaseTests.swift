import Testing

/// Runs the cases of `cases.txt`, `modes.txt` and `levels.txt` on our processor and compares with what
/// the Bochs CPU, or for the last QEMU, answered.
@Suite struct SystemCaseTests {
  @Test func casesEndAsOnTheSecondImplementation() throws {
    // The Bochs CPU has addresses of 48 bits.
    let narrow = try #require(SystemMachine())
    let wide = try #require(SystemMachine(hasFiveLevels: true))
    let cases = try SystemCase.all()
    let exceptions = try SystemCase.exceptions()
    #expect(cases.count >= 9000)
    var wrong = 0
    for item in cases where exceptions[item.number] == nil {
      let machine = item.hasFiveLevels ? wide : narrow
      let ending = machine.run(item)
      let differences = SystemCaseTests.differences(machine, item, ending: ending)
      if differences.isEmpty { continue }
      wrong += 1
      if wrong <= 100 {
        Issue.record(
          "\(item.place): \(item.label): \(differences.joined(separator: ", "))")
      }
    }
    #expect(wrong == 0, "of \(cases.count)")
  }

  @Test func exceptionsNameCases() throws {
    let numbers = Set(try SystemCase.all().map(\.number))
    for number in try SystemCase.exceptions().keys {
      #expect(numbers.contains(number), "exceptions.txt names \(number), which is no case")
    }
  }

  /// What differs between the machine after `item` and what the file says.
  private static func differences(
    _ machine: SystemMachine, _ item: SystemCase, ending: String
  ) -> [String] {
    if ending != item.ending { return ["ended \(ending), not \(item.ending)"] }
    if ending == "shutdown" { return [] }
    var found: [String] = []
    var registers: [String: String] = [:]
    var memory: [UInt64: UInt64] = [:]
    for change in item.changes {
      switch change {
      case .register(let name, let text): registers[name] = text
      case .memory(let address, let value): memory[address] = value
      }
    }
    for name in SystemMachine.registerNames {
      let start = item.start.registers[name] ?? SystemCaseTests.defaults[name] ?? 0
      // The second implementation does not keep status flags where they can be read.
      let mask: UInt64 = name == "rflags" ? ~0x8D5 : .max
      let expected = registers[name] ?? String(start & mask, radix: 16)
      let actual = machine.register(name).map { String($0 & mask, radix: 16) } ?? "?"
      if expected != actual { found.append("\(name) \(actual), not \(expected)") }
    }
    for (name, register) in SystemMachine.segmentNames {
      let actual = machine.segmentText(register)
      let expected = registers[name] ?? startText(name, item)
      if expected != actual { found.append("\(name) \(actual), not \(expected)") }
    }
    // Whether a walk that ends in a page fault leaves accessed flags behind is the processor's choice;
    // QEMU's does, ours and that of Bochs do not.
    let isFault = item.hasFiveLevels && machine.register("rip") == pageFaultHandlerEnd
    found += memoryDifferences(
      machine.memoryChanges(), memory, start: item.start.memory,
      ignoring: isFault ? accessedFlag : 0)
    return found
  }

  private static let defaults: [String: UInt64] = ["dr6": 0xFFFF_0FF0, "dr7": 0x400]

  private static func startText(_ name: String, _ item: SystemCase) -> String {
    SystemMachine.text(SystemMachine.startSegment(item.start, name == "ldtr" ? "ldt" : name))
  }

  private static let accessedFlag: UInt64 = 0x20
  /// Behind the HLT of vector 14's handler.
  private static let pageFaultHandlerEnd: UInt64 = 0x5000 + 4 * 14 + 1
  private static let firstTable: UInt64 = 0x10000

  private static func memoryDifferences(
    _ actual: [UInt64: UInt64], _ expected: [UInt64: UInt64], start: [UInt64: UInt64],
    ignoring flag: UInt64
  ) -> [String] {
    Set(actual.keys).union(expected.keys).sorted().compactMap { address in
      if flag != 0 && address >= firstTable {
        let old = start[address] ?? 0
        let (left, right) = (actual[address] ?? old, expected[address] ?? old)
        if (left ^ right) & ~flag == 0 { return nil }
      }
      let left = actual[address].map { String($0, radix: 16) } ?? "unchanged"
      let right = expected[address].map { String($0, radix: 16) } ?? "unchanged"
      return left == right ? nil : "[\(String(address, radix: 16))] \(left), not \(right)"
    }
  }
}

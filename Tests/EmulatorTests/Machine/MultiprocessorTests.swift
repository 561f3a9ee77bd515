import Emulator
import TestImages
import Testing

private func machine(_ processors: Int, quantum: UInt64, rounds: Int = 100) throws -> Machine {
  let image = MultiprocessorImage(processors: processors, rounds: rounds)
  return try Machine(
    image: KernelImage(image.build(), name: "guest"),
    configuration: configuration(processors, quantum: quantum))
}

private func configuration(_ processors: Int, quantum: UInt64) -> MachineConfiguration {
  var configuration = MachineConfiguration(memory: 16 << 20)
  configuration.processors = processors
  configuration.quantum = quantum
  return configuration
}

/// One bare program on the bootstrap processor of several.
private func bare(_ code: [UInt8], processors: Int) throws -> Machine {
  try Machine(
    image: KernelImage(ELFBuilder(code: code).build(), name: "test"),
    configuration: configuration(processors, quantum: 1000))
}

/// MONITOR of the line at 300000h, with ECX and EDX zero.
private let monitor: [UInt8] = [0xB8, 0, 0, 0x30, 0, 0x31, 0xC9, 0x31, 0xD2, 0x0F, 0x01, 0xC8]
/// MWAIT.
private let mwait: [UInt8] = [0x0F, 0x01, 0xC9]

@Suite struct MultiprocessorTests {
  @Test(arguments: [1, 2, 3, 4, 8], [1, 7, 1000, 10_000] as [UInt64])
  func processorsWorkTogether(processors: Int, quantum: UInt64) throws {
    let machine = try machine(processors, quantum: quantum)
    #expect(machine.run(limit: 200_000_000) == .debugExit(0))
    let report = MultiprocessorImage(processors: processors).report()
    #expect(machine.debugConsole.text == report)
    #expect(machine.now >= machine.instructionCount)
    let sum = machine.processors.reduce(0) { $0 + $1.cpu.instructionCount }
    #expect(machine.instructionCount == sum)
  }

  /// A run is the same however it is sliced: in the middle of a turn, of a block, of a wait.
  @Test(arguments: [2, 4], [50, 10_000] as [UInt64])
  func slicingChangesNothing(processors: Int, quantum: UInt64) throws {
    let whole = try machine(processors, quantum: quantum)
    #expect(whole.run(limit: 100_000_000) == .debugExit(0))
    for slice in [13, 140, 9973] as [UInt64] {
      let sliced = try machine(processors, quantum: quantum)
      var stop = StopReason.instructionLimit
      while stop == .instructionLimit, sliced.instructionCount <= whole.instructionCount {
        stop = sliced.run(limit: slice)
      }
      #expect(stop == .debugExit(0))
      #expect(sliced.instructionCount == whole.instructionCount)
      #expect(sliced.now == whole.now)
      #expect(sliced.partDigests().map(\.digest) == whole.partDigests().map(\.digest))
    }
  }

  /// At any moment, not only at the end, and however often it is looked at.
  @Test(arguments: [2, 4])
  func everyMomentIsTheSame(processors: Int) throws {
    let watched = try machine(processors, quantum: 100, rounds: 20)
    for step in 1...40 {
      let limit = UInt64(step) * 3217
      _ = watched.run(limit: limit - watched.instructionCount)
      let other = try machine(processors, quantum: 100, rounds: 20)
      _ = other.run(limit: limit)
      #expect(other.instructionCount == watched.instructionCount)
      #expect(other.stateDigest() == watched.stateDigest(), "after \(limit) instructions")
    }
  }

  @Test func theQuantumIsPartOfTheExecution() throws {
    let digests = try ([100, 101] as [UInt64]).map { quantum in
      let machine = try machine(2, quantum: quantum)
      _ = machine.run(limit: 100_000_000)
      return machine.stateDigest()
    }
    #expect(digests[0] != digests[1])
  }

  @Test func oneProcessorHaltsForAll() throws {
    // Nobody started the others.
    let machine = try bare(TestCode.halt, processors: 3)
    #expect(machine.run(limit: 1000) == .haltedForever)
  }

  @Test func aTripleFaultNamesItsProcessor() throws {
    // INIT and SIPI to all others; page 90h is empty, and so is the interrupt table after it.
    func send(_ command: UInt32) -> [UInt8] {
      // MOV EBX, FEE00300h; MOV DWORD [RBX], command
      [0xBB, 0x00, 0x03, 0xE0, 0xFE, 0xC7, 0x03]
        + (0..<4).map { UInt8(truncatingIfNeeded: command >> (8 * $0)) }
    }
    // LIDT [EBP] with a limit of zero, from zeroed memory, then UD2: in real-address mode.
    let fault: [UInt8] = [0x0F, 0x01, 0x1E, 0x00, 0x01, 0x0F, 0x0B]
    var code: [UInt8] = []
    for (offset, byte) in fault.enumerated() {
      // MOV BYTE [90000h + offset], byte
      code += [0xC6, 0x04, 0x25, UInt8(offset), 0x00, 0x09, 0x00, byte]
    }
    code += send(0xC4500) + send(0xC4690) + TestCode.loop
    let machine = try bare(code, processors: 2)
    #expect(machine.run(limit: 1_000_000) == .shutdown)
    #expect(machine.processor === machine.processors[1])
  }

  @Test(arguments: [0, -1, 65])
  func impossibleNumbersAreRefused(processors: Int) {
    #expect(throws: ConfigurationError.self) {
      try configuration(processors, quantum: 1).validate()
    }
    #expect(throws: ConfigurationError.self) { try configuration(2, quantum: 0).validate() }
  }

  @Test func everyProcessorHasItsIdentity() throws {
    let machine = try bare(TestCode.loop, processors: 64)
    #expect(machine.processors.count == 64)
    for (number, processor) in machine.processors.enumerated() {
      let activity = number == 0 ? Activity.running : .waitForSIPI
      #expect(processor.cpu.state.pointee.activity == activity.rawValue)
      let identification = ProcessorIdentification(apicID: UInt32(number), processors: 64)
      #expect(identification.leaf(1).ebx >> 24 == UInt32(number))
      for topology in [0xB, 0x1F] as [UInt32] {
        #expect(identification.leaf(topology, 1).edx == UInt32(number))
        #expect(identification.leaf(topology, 1).ebx == 64)
      }
    }
  }
}

@Suite struct MonitorTests {
  @Test func aStoreFromOutsideWakes() throws {
    let machine = try bare(monitor + mwait + TestCode.debugExit(1), processors: 1)
    #expect(machine.run(limit: 1000) == .haltedForever)
    // The line before, then the last byte of the line.
    for (address, stop) in [
      (0x2F_FFFF, StopReason.haltedForever), (0x30_0040, .haltedForever),
      (0x30_003F, .debugExit(1)),
    ] {
      [UInt8]([7]).withUnsafeBytes {
        _ = machine.memory.write(PhysicalAddress(UInt64(address)), $0)
      }
      #expect(machine.run(limit: 1000) == stop)
    }
  }

  @Test func aStoreBetweenMonitorAndMwaitIsNotMissed() throws {
    // INC DWORD [300010h]
    let store: [UInt8] = [0xFF, 0x04, 0x25, 0x10, 0x00, 0x30, 0x00]
    let machine = try bare(monitor + store + mwait + TestCode.debugExit(2), processors: 1)
    #expect(machine.run(limit: 1000) == .debugExit(2))
  }

  @Test func mwaitAloneDoesNotWait() throws {
    let machine = try bare([0x31, 0xC9] + mwait + TestCode.debugExit(3), processors: 1)
    #expect(machine.run(limit: 1000) == .debugExit(3))
  }

  @Test func reservedExtensionsFault() throws {
    // MOV ECX, n
    for (code, ecx) in [(monitor.suffix(3), 1), (mwait.suffix(3), 2)]
      as [(ArraySlice<UInt8>, UInt8)]
    {
      let machine = try bare([0xB9, ecx, 0, 0, 0] + code, processors: 1)
      #expect(machine.run(limit: 1000) == .shutdown)
      #expect(machine.processor.recorder.deliveries.first?.vector == 13)
    }
  }

  @Test func theModelSpecificRegisterHidesThem() throws {
    // RDMSR 1A0h; BTR EAX, 18; WRMSR; CPUID leaf 1; MOV EBX, ECX; MONITOR
    let code: [UInt8] =
      [0xB9, 0xA0, 0x01, 0, 0, 0x0F, 0x32, 0x0F, 0xBA, 0xF0, 18, 0x0F, 0x30]
      + [0xB8, 1, 0, 0, 0, 0x0F, 0xA2, 0x89, 0xCB]
    let machine = try bare(code + monitor, processors: 1)
    #expect(machine.run(limit: 1000) == .shutdown)
    #expect(machine.processor.cpu[.rbx] & 8 == 0)
    #expect(machine.processor.recorder.deliveries.first?.vector == 6)
  }
}

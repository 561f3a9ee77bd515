import Emulator

/// Our processor, in the state a Linux program finds itself in: ring 3, with the data and code
/// pages at the host runner's addresses, and everything else out of reach in the upper half.
package final class EmulatedProcessor: Processor {
  private let memory: PhysicalMemory
  private let processor: Emulator.Processor
  private let data: UnsafeMutableRawPointer
  private let stack: UnsafeMutableRawPointer
  private let code: UnsafeMutableRawPointer

  /// Instructions after which a case counts as endless.
  private static let instructionLimit: UInt64 = 100_000
  private static let patientLimit: UInt64 = 100_000_000

  package init?() {
    guard let memory = PhysicalMemory(size: UserPages.memorySize) else { return nil }
    self.memory = memory
    processor = Emulator.Processor(bare: memory, lacking: [.la57])
    guard let data = processor.memoryPage(PhysicalAddress(UserPages.data)),
      let stack = processor.memoryPage(PhysicalAddress(UserPages.stack)),
      let code = processor.memoryPage(PhysicalAddress(UserPages.code))
    else { return nil }
    self.data = data
    self.stack = stack
    self.code = code
    for (address, value) in UserPages.contents {
      var value = value
      withUnsafeBytes(of: &value) { processor.writeMemory(PhysicalAddress(address), $0) }
    }
    code.initializeMemory(as: UInt8.self, repeating: 0xCC, count: 4096)
    UserPages.setSystemRegisters(processor.cpu)
    processor.stateWasReplaced()
  }

  package func run(_ batch: Batch) -> [Outcome] {
    run(batch, limit: EmulatedProcessor.instructionLimit)
  }

  package func runPatiently(_ batch: Batch) -> [Outcome] {
    run(batch, limit: EmulatedProcessor.patientLimit)
  }

  private func run(_ batch: Batch, limit: UInt64) -> [Outcome] {
    var loaded: Int?
    return batch.cases.map { item in
      let image = batch.images[item.image]
      if loaded != item.image { load(image) }
      loaded = item.image
      let outcome = run(item, image: image, limit: limit)
      for change in outcome.changes {
        data.storeBytes(
          of: image[quadword: change.offset], toByteOffset: change.offset, as: UInt64.self)
      }
      return outcome
    }
  }

  private func load(_ image: DataImage) {
    image.bytes.withUnsafeBytes {
      data.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: DataImage.size)
    }
  }

  private func run(_ item: Case, image: DataImage, limit: UInt64) -> Outcome {
    let start = PhysicalAddress(UserPages.code + item.before.rip & 0xFFF)
    item.code.withUnsafeBytes { processor.writeMemory(start, $0) }
    load(item.before)
    let limit = processor.cpu.instructionCount &+ limit
    var exit = processor.run(until: limit)
    while exit == .lookup { exit = processor.run(until: limit) }
    let outcome = self.outcome(exit, image)
    [UInt8](repeating: 0xCC, count: item.code.count).withUnsafeBytes {
      processor.writeMemory(start, $0)
    }
    return outcome
  }

  private func load(_ state: UserState) {
    let cpu = processor.cpu
    for index in 0..<16 { cpu[index] = state.registers[index] }
    cpu.state.pointee.rip = state.rip
    cpu.rflags = RFLAGS(rawValue: state.rflags)
    UserPages.enterRing3(cpu, state)
    withUnsafeBytes(of: state.fx) { raw in
      for index in 0..<32 {
        cpu.state.pointee.xmm[index] =
          raw.loadUnaligned(fromByteOffset: 160 + 8 * index, as: UInt64.self)
      }
    }
    cpu.state.pointee.ymmHigh = state.ymmHigh
    cpu.state.pointee.mxcsr = state.mxcsr
    loadX87(state)
    cpu.state.pointee.cr2 = 0
    processor.stateWasReplaced()
  }

  private func loadX87(_ state: UserState) {
    let target = processor.cpu.state
    target.pointee.x87Control = state.fcw
    target.pointee.x87Status = state.fsw
    let top = Int(state.fsw >> 11 & 7)
    var tags: UInt16 = 0
    for index in 0..<8 {
      let physical = (top + index) & 7
      let value = state[st: index]
      target.pointee.x87Significands[physical] = value.significand
      target.pointee.x87Exponents[physical] = value.signExponent
      let isEmpty = state.ftw & 1 << UInt8(physical) == 0
      tags |= (isEmpty ? 3 : value.tag) << UInt16(2 * physical)
    }
    target.pointee.x87Tags = tags
  }

  private func outcome(_ exit: ProcessorExit, _ image: DataImage) -> Outcome {
    let cpu = processor.cpu
    var after = UserState()
    for index in 0..<16 { after.registers[index] = cpu[index] }
    after.fsBase = cpu[.fs].base
    after.gsBase = cpu[.gs].base
    for (index, name) in UserPages.segmentNames.enumerated() {
      after.segments[index] = cpu[name].selector
    }
    withUnsafeMutableBytes(of: &after.fx) { raw in
      for index in 0..<32 {
        raw.storeBytes(
          of: cpu.state.pointee.xmm[index], toByteOffset: 160 + 8 * index, as: UInt64.self)
      }
    }
    after.ymmHigh = cpu.state.pointee.ymmHigh
    after.mxcsr = cpu.state.pointee.mxcsr
    saveX87(&after)
    let changes = MemoryChange.between(image, data)
    guard exit == .halted else { return Outcome(ending: .timeout, after: after, changes: changes) }
    let vector = UserPages.vector(atHandler: cpu.state.pointee.rip)
    let hasErrorCode = [8, 10, 11, 12, 13, 14, 17].contains(vector)
    var frame = Int(truncatingIfNeeded: cpu[.rsp] & 0xFFF)
    guard frame <= 4096 - 48 else {
      return Outcome(ending: .unrunnable, after: after, changes: changes)
    }
    let errorCode = hasErrorCode ? stack.load(fromByteOffset: frame, as: UInt64.self) : 0
    if hasErrorCode { frame += 8 }
    after.rip = stack.load(fromByteOffset: frame, as: UInt64.self)
    after.segments[1] = stack.load(fromByteOffset: frame + 8, as: UInt16.self)
    after.segments[2] = stack.load(fromByteOffset: frame + 32, as: UInt16.self)
    after.plainNullSelectors()
    after.rflags = stack.load(fromByteOffset: frame + 16, as: UInt64.self)
    after.registers[4] = stack.load(fromByteOffset: frame + 24, as: UInt64.self)
    return Outcome(
      ending: .exception(
        vector: vector, errorCode: errorCode, cr2: vector == 14 ? cpu.state.pointee.cr2 : 0),
      after: after, changes: changes)
  }

  private func saveX87(_ state: inout UserState) {
    let source = processor.cpu.state
    state.fcw = source.pointee.x87Control
    state.fsw = source.pointee.x87Status
    let top = Int(state.fsw >> 11 & 7)
    var full: UInt8 = 0
    for index in 0..<8 {
      let physical = (top + index) & 7
      state[st: index] = ExtendedBits(
        significand: source.pointee.x87Significands[physical],
        signExponent: source.pointee.x87Exponents[physical])
      if source.pointee.x87Tags >> UInt16(2 * physical) & 3 != 3 { full |= 1 << UInt8(physical) }
    }
    state.ftw = full
  }
}

extension ExtendedBits {
  /// The tag that a full register with these bits has: 0 valid, 1 zero, 2 special.
  fileprivate var tag: UInt16 {
    switch signExponent & 0x7FFF {
    case 0: significand == 0 ? 1 : 2
    case 0x7FFF: 2
    default: significand >> 63 == 1 ? 0 : 2
    }
  }
}

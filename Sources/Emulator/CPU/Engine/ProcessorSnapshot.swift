import Glibc

/// Everything one processor remembers at one moment, what its TLBs know included.
///
/// The TLBs belong to it: a guest that changed its page tables and has not told the processor goes
/// on with what is cached, and accessed flags are set when a page is walked.
struct ProcessorSnapshot {
  fileprivate var state: CPUState
  fileprivate var translations: [KnownTranslation] = []
  fileprivate var fetches: [FetchEntry] = []
  fileprivate var codeSegments: [CodeSegment]
  fileprivate var skippedTime: UInt64
  fileprivate var recorder: ExceptionRecorder.Content

  /// Instructions retired.
  var instructionCount: UInt64 { state.budgetEnd &- UInt64(bitPattern: state.budget) }
}

/// One entry of the data TLB.
private struct KnownTranslation {
  var bank: UInt8
  var slot: UInt16
  var page: UInt64
  var physical: UInt64
}

extension Processor {
  /// Keeps the state at an instruction boundary.
  func snapshot() -> ProcessorSnapshot {
    var snapshot = ProcessorSnapshot(
      state: cpu.state.pointee, codeSegments: cpu.codeSegments,
      skippedTime: connections.skippedTime, recorder: connections.recorder.content)
    cpu.eachFilledEntry { bank, slot in
      let page = cpu.knownPages(bank)[slot]
      guard page != CPU.invalidTag(slot: slot) else { return }
      snapshot.translations.append(
        KnownTranslation(
          bank: UInt8(truncatingIfNeeded: bank), slot: UInt16(truncatingIfNeeded: slot),
          page: page, physical: cpu.bank(bank)[slot].physical))
    }
    for index in 0..<CacheLayout.fetchEntries {
      let entry = cpu.fetchTLB[index]
      if (entry.key ^ cpu.state.pointee.jumpKey) / JumpKey.epoch == 0 {
        snapshot.fetches.append(entry)
      }
    }
    return snapshot
  }

  /// Whether the general registers, RIP, flags and time are those of a snapshot.
  func matches(_ snapshot: ProcessorSnapshot) -> Bool {
    guard cpu.instructionCount == snapshot.instructionCount,
      connections.skippedTime == snapshot.skippedTime,
      cpu.state.pointee.rip == snapshot.state.rip, cpu.state.pointee.cr3 == snapshot.state.cr3
    else { return false }
    return Register.allCases.allSatisfy {
      cpu[$0] == snapshot.state.registers[Int($0.rawValue)]
    }
  }

  /// Puts the processor where it was; memory is what it was then.
  func restore(_ snapshot: ProcessorSnapshot) {
    let own = cpu.state.pointee
    var state = snapshot.state
    state.caches = own.caches
    state.tlb = own.caches
    state.ram = own.ram
    state.blocks = own.blocks
    state.connections = own.connections
    state.resume = nil
    state.trampoline = nil
    state.dropsBlocks = own.dropsBlocks
    state.hasBreakpoints = own.hasBreakpoints
    state.hasWatchpoints = own.hasWatchpoints
    state.stopsSoon = false
    cpu.state.pointee = state
    connections.skippedTime = snapshot.skippedTime
    connections.recorder.content = snapshot.recorder
    cpu.selectTLBBank()
    restoreTranslations(snapshot)
    for (index, segment) in snapshot.codeSegments.enumerated() {
      cpu.codeSegmentTable[index] = segment
    }
    cpu.clearJumpCache()
  }

  private func restoreTranslations(_ snapshot: ProcessorSnapshot) {
    cpu.emptyTLB()
    for known in snapshot.translations {
      let physical = PhysicalAddress(known.physical & ~0xFFF)
      guard let host = cpu.state.pointee.ram.host(physical) else { continue }
      let bank = Int(known.bank)
      let slot = Int(known.slot)
      cpu.knownPages(bank)[slot] = known.page
      cpu.bank(bank)[slot].physical = known.physical
      cpu.bank(bank)[slot].host = UInt64(UInt(bitPattern: host))
      cpu.occupancy(bank).pointee.filled[slot >> 6] |= 1 &<< UInt64(slot & 63)
    }
    memset(cpu.fetchTLB, 0, CacheLayout.fetchEntries * MemoryLayout<FetchEntry>.stride)
    for entry in snapshot.fetches { cpu.insertFetch(entry) }
  }
}

extension CPU {
  fileprivate var codeSegmentTable: UnsafeMutablePointer<CodeSegment> {
    (state.pointee.caches + CacheLayout.codeSegmentOffset).assumingMemoryBound(
      to: CodeSegment.self)
  }

  fileprivate var codeSegments: [CodeSegment] {
    Array(UnsafeBufferPointer(start: codeSegmentTable, count: CacheLayout.codeSegments))
  }
}

// MARK: In a file

extension ProcessorSnapshot {
  func write(to bytes: inout SnapshotWriter) {
    // Plain memory, though its pointers keep it from being declared so; `restore` takes none of them.
    bytes.append(withUnsafeBytes(of: state) { Array($0) })
    bytes.append(skippedTime)
    bytes.append(UInt64(translations.count))
    for translation in translations { bytes.append(plain: translation) }
    bytes.append(UInt64(fetches.count))
    for fetch in fetches { bytes.append(plain: fetch) }
    for segment in codeSegments { bytes.append(plain: segment) }
  }

  /// Reads what `write` wrote; the last deliveries, which a diagnosis shows, are not in it.
  init(
    from reader: inout SnapshotReader, of processor: Processor
  ) throws(SnapshotCodingError) {
    let image = try reader.bytes()
    guard image.count == MemoryLayout<CPUState>.size else { throw .malformed }
    var state = processor.cpu.state.pointee
    withUnsafeMutableBytes(of: &state) { $0.copyBytes(from: image) }
    self.state = state
    skippedTime = try reader.number()
    for _ in 0..<(try reader.count()) {
      let known = try reader.plain(KnownTranslation.self)
      guard known.bank < CacheLayout.banks, known.slot < CacheLayout.tlbEntries else {
        throw .malformed
      }
      translations.append(known)
    }
    for _ in 0..<(try reader.count()) { fetches.append(try reader.plain(FetchEntry.self)) }
    guard fetches.count <= CacheLayout.fetchCapacity else { throw .malformed }
    codeSegments = []
    for _ in 0..<CacheLayout.codeSegments {
      codeSegments.append(try reader.plain(CodeSegment.self))
    }
    recorder = ExceptionRecorder.Content()
  }
}

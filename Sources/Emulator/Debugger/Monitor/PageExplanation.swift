import Emulator

/// An address explained: canonicality, the walk, the rights, and what is there.
struct PageExplanation {
  /// The lines.
  private(set) var lines: [String] = []

  private let machine: Machine
  private let processor: Processor
  private var cpu: CPU { processor.cpu }

  init(_ address: UInt64, _ machine: Machine, _ processor: Processor, _ symbols: ProgramSymbols) {
    self.machine = machine
    self.processor = processor
    lines = [symbols.describe(address)]
    guard checkCanonical(address) else { return }
    guard cpu.cr0.contains(.paging) else {
      lines.append("paging is off (CR0.PG is 0): the address is physical")
      explainPhysical(
        cpu.peekTranslation(LinearAddress(address & 0xFFFF_FFFF)).map {
          $0.physicalPage | address & 0xFFF
        } ?? address)
      return
    }
    lines.append("\(pagingMode), CR3 \(cpu.state.pointee.cr3.hex)")
    let steps = cpu.walkSteps(LinearAddress(address))
    for step in steps { explain(step) }
    guard let translation = cpu.peekTranslation(LinearAddress(address)) else {
      lines.append(failure(steps))
      return
    }
    explainRights(PageRights(steps.map(\.entry), cpu))
    if translation.pageSize > 4096 {
      lines.append("a page of \(Self.size(translation.pageSize))")
    }
    explainPhysical(translation.physicalPage | address & 0xFFF)
  }

  private mutating func checkCanonical(_ address: UInt64) -> Bool {
    guard cpu.isIA32e else {
      guard address > 0xFFFF_FFFF else { return true }
      lines.append("outside IA-32e mode there are no addresses above 4 GiB")
      return false
    }
    guard !cpu.isCanonical(LinearAddress(address)) else { return true }
    let bits = cpu.cr4.contains(.linearAddresses57) ? 57 : 48
    lines.append(
      "not canonical: bits 63 to \(bits - 1) are not all equal, so that every use of it raises #GP "
        + "(#SS through the stack)")
    return false
  }

  private var pagingMode: String {
    if cpu.isIA32e {
      return cpu.cr4.contains(.linearAddresses57) ? "5-level paging" : "4-level paging"
    }
    return cpu.cr4.contains(.physicalAddressExtension) ? "PAE paging" : "32-bit paging"
  }

  private static let levels = [
    "", "page-table entry", "page-directory entry", "page-directory-pointer entry", "PML4 entry",
    "PML5 entry",
  ]

  private mutating func explain(_ step: PageWalkStep) {
    let name = (1...5).contains(step.level) ? Self.levels[step.level] : "entry"
    let isWide = cpu.isIA32e || cpu.cr4.contains(.physicalAddressExtension)
    let width: UInt64 = isWide ? 8 : 4
    let index = step.entryAddress.value & (isWide ? 0xFFF : 0xFFF) / width
    lines.append(
      "  \(name) \(index) at \(step.entryAddress.value.hex): "
        + "\(step.entry.rawValue.hex(digits: Int(width) * 2))")
    lines.append("    " + Self.words(step, isWide: isWide))
  }

  /// Every bit of an entry.
  private static func words(_ step: PageWalkStep, isWide: Bool) -> String {
    let entry = step.entry
    guard entry.contains(.present) else {
      return entry.rawValue == 0 ? "P=0: not present (the entry is zero)" : "P=0: not present"
    }
    let isLeaf = step.level == 1 || entry.contains(.pageSize) && step.level < 4
    var words = [
      entry.contains(.writable) ? "R/W=1 writable" : "R/W=0 read-only",
      entry.contains(.user) ? "U/S=1 user" : "U/S=0 supervisor",
    ]
    if entry.contains(.noExecute) { words.append("XD=1 not executable") }
    words.append(entry.contains(.accessed) ? "A=1" : "A=0 not accessed yet")
    if isLeaf { words.append(entry.contains(.dirty) ? "D=1 written" : "D=0 not written yet") }
    if isLeaf && step.level > 1 { words.append("PS=1 large page") }
    if isLeaf && entry.contains(.global) { words.append("G=1 global") }
    if entry.rawValue & 1 << 3 != 0 { words.append("PWT=1 write-through") }
    if entry.rawValue & 1 << 4 != 0 { words.append("PCD=1 uncached") }
    if isLeaf && entry.rawValue & (step.level == 1 ? 1 << 7 : 1 << 12) != 0 {
      words.append("PAT=1")
    }
    let key = entry.rawValue >> 59 & 0xF
    if isWide && isLeaf && key != 0 { words.append("key \(key)") }
    let frame = entry.rawValue & (isWide ? PageTableEntry.addressMask : 0xFFFF_F000)
    words.append("\(isLeaf ? "frame" : "next table") \(frame.hex)")
    return words.joined(separator: ", ")
  }

  private func failure(_ steps: [PageWalkStep]) -> String {
    guard let last = steps.last else {
      return "the page-directory-pointer entry is not present: every access raises #PF"
    }
    let name = (1...5).contains(last.level) ? Self.levels[last.level] : "entry"
    guard last.entry.contains(.present) else {
      return "every access raises #PF, page not present: P is 0 in the \(name)"
    }
    return "every access raises #PF, reserved bit: the \(name) has one of "
      + "\((last.entry.rawValue & PageTableEntry.reservedAddressMask).hex), XD without EFER.NXE, or "
      + "PS and address bits that a page of this size cannot have"
  }

  private mutating func explainRights(_ rights: PageRights) {
    for isUserMode in [false, true] {
      let answers = PageRights.Kind.allCases.map { kind in
        rights.refusal(kind, isUserMode: isUserMode, cpu).map { "no \(kind.rawValue) (\($0))" }
          ?? kind.rawValue
      }
      lines.append("  \(isUserMode ? "CPL 3" : "CPL 0-2"): \(answers.joined(separator: ", "))")
    }
    if rights.isWritable && rights.isExecutable {
      lines.append("  writable and executable at once (W^X)")
    }
  }

  private mutating func explainPhysical(_ address: UInt64) {
    let number = machine.processors.firstIndex { $0 === processor } ?? 0
    lines.append("physical \(address.hex): \(PhysicalMapText(machine, number).describe(address))")
  }

  static func size(_ bytes: UInt64) -> String {
    switch bytes {
    case (1 << 30)...: "\(bytes >> 30) GiB"
    case (1 << 20)...: "\(bytes >> 20) MiB"
    default: "\(bytes >> 10) KiB"
    }
  }
}

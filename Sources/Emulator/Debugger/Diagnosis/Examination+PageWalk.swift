import Emulator

extension Examination {
  /// The walk for the page fault that the run ended with, level by level, and what failed.
  func pageWalk() -> [String] {
    guard let fault = lastPageFault, let bits = fault.errorCode else { return [] }
    let code = PageFaultErrorCode(rawValue: bits)
    let steps = cpu.walkSteps(LinearAddress(fault.cr2))
    guard !steps.isEmpty else { return [] }
    var lines = ["page walk of \(fault.cr2.hex), from CR3 \(cpu.state.pointee.cr3.hex):"]
    for step in steps {
      lines.append(
        "  \(levelName(step.level)) at \(step.entryAddress.value.hex): "
          + "\(step.entry.rawValue.hex(digits: 16)) \(describe(step.entry))")
    }
    lines.append("  \(failure(steps, code))")
    return lines
  }

  private func levelName(_ level: Int) -> String {
    switch level {
    case 5: "PML5 entry"
    case 4: "PML4 entry"
    case 3: "page-directory-pointer entry"
    case 2: "page-directory entry"
    default: "page-table entry"
    }
  }

  private func describe(_ entry: PageTableEntry) -> String {
    guard entry.contains(.present) else { return "not present" }
    var words = [entry.contains(.writable) ? "writable" : "read-only"]
    words.append(entry.contains(.user) ? "user" : "supervisor")
    if entry.contains(.noExecute) { words.append("no-execute") }
    if entry.contains(.pageSize) { words.append("large page") }
    return words.joined(separator: " ")
  }

  /// The bit that the access failed on.
  private func failure(_ steps: [PageWalkStep], _ code: PageFaultErrorCode) -> String {
    guard let last = steps.last else { return "" }
    if !last.entry.contains(.present) { return "P is clear in the \(levelName(last.level))" }
    if code.contains(.reservedBit) {
      return "a reserved bit is set in the \(levelName(last.level))"
    }
    if !code.contains(.protection) {
      return "the page is present now, but was not when the access failed"
    }
    func first(_ isGuilty: (PageTableEntry) -> Bool) -> String? {
      steps.first { isGuilty($0.entry) }.map { levelName($0.level) }
    }
    let isUserPage = steps.allSatisfy { $0.entry.contains(.user) }
    if code.contains(.user), let level = first({ !$0.contains(.user) }) {
      return "U/S is clear in the \(level): not for user mode"
    }
    if code.contains(.instructionFetch) {
      if let level = first({ $0.contains(.noExecute) }) {
        return "XD is set in the \(level): not for execution"
      }
      if isUserPage { return "CR4.SMEP is set: the supervisor may not execute a user page" }
    }
    if code.contains(.write), let level = first({ !$0.contains(.writable) }) {
      return "R/W is clear in the \(level): not for writing"
    }
    if isUserPage, !code.contains(.user), cpu.cr4.contains(.smap) {
      return "CR4.SMAP is set: the supervisor may not access a user page while AC is 0"
    }
    if code.contains(.protectionKey) { return "PKRU locks the key of the page" }
    return "the rights allow this access now, but did not when it failed"
  }
}

import Emulator

/// Who may do what with a page, as the walk and the processor's state say.
///
/// SDM volume 3A, "Determination of Access Rights", "Protection Keys".
struct PageRights {
  /// Whether every level allows writes, user access and execution.
  var isWritable = true
  var isUser = true
  var isExecutable = true
  /// The protection key of the leaf.
  var key: UInt64 = 0

  init() {}

  /// The rights of all entries of a walk together.
  init(_ entries: [PageTableEntry], _ cpu: CPU) {
    for entry in entries {
      isWritable = isWritable && entry.contains(.writable)
      isUser = isUser && entry.contains(.user)
      if entry.contains(.noExecute), cpu.efer.contains(.noExecuteEnable) {
        isExecutable = false
      }
    }
    key = (entries.last?.rawValue ?? 0) >> 59 & 0xF
  }

  /// The kinds of access, as the manual distinguishes them.
  enum Kind: String, CaseIterable {
    case read
    case write
    case execute
  }

  /// Why an access would fail; nil where it would not.
  func refusal(_ kind: Kind, isUserMode: Bool, _ cpu: CPU) -> String? {
    if isUserMode {
      if !isUser { return "U/S is clear: the page is the supervisor's" }
      if kind == .write, !isWritable { return "R/W is clear" }
      if kind == .execute { return isExecutable ? nil : "XD is set" }
      return keyRefusal(kind, isUserMode: true, cpu)
    }
    if kind == .execute {
      if isUser, cpu.cr4.contains(.smep) { return "CR4.SMEP: a user page" }
      return isExecutable ? nil : "XD is set"
    }
    if isUser, cpu.cr4.contains(.smap), !cpu.rflags.contains(.alignmentCheck) {
      return "CR4.SMAP: a user page, and AC is 0"
    }
    if kind == .write, !isWritable, cpu.cr0.contains(.writeProtect) {
      return "R/W is clear, and CR0.WP is 1"
    }
    return keyRefusal(kind, isUserMode: false, cpu)
  }

  private func keyRefusal(_ kind: Kind, isUserMode: Bool, _ cpu: CPU) -> String? {
    guard isUser, cpu.cr4.contains(.protectionKeyEnable), cpu.isIA32e else { return nil }
    let bits = cpu.state.pointee.pkru >> UInt32(key * 2) & 3
    if bits & 1 != 0 { return "PKRU forbids access with key \(key)" }
    if kind == .write, bits & 2 != 0, isUserMode || cpu.cr0.contains(.writeProtect) {
      return "PKRU forbids writes with key \(key)"
    }
    return nil
  }

  /// `rwx`, with dashes, and whose page it is.
  var text: String {
    "r\(isWritable ? "w" : "-")\(isExecutable ? "x" : "-") \(isUser ? "user" : "supervisor")"
  }
}

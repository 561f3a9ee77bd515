// Protection keys for user-mode pages.
//
// SDM volume 3A, "Protection Keys".

extension CPU {
  /// RDPKRU.
  func rdpkru() throws(Exception) {
    try requireProtectionKeys()
    self[.rax] = UInt64(state.pointee.pkru)
    self[.rdx] = 0
  }

  /// WRPKRU.
  func wrpkru() throws(Exception) {
    try requireProtectionKeys()
    guard self[.rdx] & 0xFFFF_FFFF == 0 else { throw .generalProtection(errorCode: 0) }
    writePKRU(UInt32(truncatingIfNeeded: self[.rax]))
  }

  private func requireProtectionKeys() throws(Exception) {
    guard cr4.contains(.protectionKeyEnable) else { throw .invalidOpcode }
    guard self[.rcx] & 0xFFFF_FFFF == 0 else { throw .generalProtection(errorCode: 0) }
  }

  /// Sets PKRU; what the TLB holds was allowed by the old one.
  func writePKRU(_ value: UInt32) {
    guard value != state.pointee.pkru else { return }
    state.pointee.pkru = value
    if cr4.contains(.protectionKeyEnable) { flushTLB() }
  }

  /// Whether the key in a leaf entry of a user page forbids a data access.
  func isKeyLocked(_ leaf: UInt64, access: Access, isUser: Bool) -> Bool {
    guard access != .execute, cr4.contains(.protectionKeyEnable),
      efer.contains(.longModeActive)
    else { return false }
    let key = UInt32(truncatingIfNeeded: leaf >> 59 & 0xF)
    let rights = state.pointee.pkru &>> (key &* 2) & 3
    if rights & 1 != 0 { return true }
    return rights & 2 != 0 && access.isWrite && (isUser || cr0.contains(.writeProtect))
  }
}

extension CPU {
  /// Raises #GP(0) unless the current task may use the ports `port ..< port + size`.
  ///
  /// SDM volume 1, "I/O Permission Bit Map".
  package func checkIOPermission(port: UInt16, size: UInt8) throws(Exception) {
    if mode.contains(.real) { return }
    let iopl = UInt8(truncatingIfNeeded: state.pointee.rflags >> 12 & 3)
    if cpl <= iopl && !mode.contains(.virtual8086) { return }
    let fault = Exception.generalProtection(errorCode: 0)
    let task = self[.tr]
    guard task.isPresent, task.type == 9 || task.type == 11, task.limit >= 103 else {
      throw fault
    }
    let map = UInt64(
      try load(try tableAddress(task.base, 102), as: UInt16.self, access: .systemRead))
    let offset = map + UInt64(port >> 3)
    guard offset + 1 <= UInt64(task.limit) else { throw fault }
    let bits = try load(
      try tableAddress(task.base, offset), as: UInt16.self, access: .systemRead)
    let wanted: UInt16 = (1 &<< UInt16(size)) &- 1
    guard bits &>> (port & 7) & wanted == 0 else { throw fault }
  }

  /// Reads a port, at the exact time and with breakpoints, permission already checked.
  func readPort(_ port: UInt16, size: UInt8) -> UInt64 {
    watchPort(port, size: size)
    synchronizeClock()
    defer { requestLookup() }
    let value = connections.bus.readPort(port, size: AccessSize(rawValue: size) ?? .byte)
    if state.pointee.isObserved {
      reportAccess(.port, isWrite: false, address: UInt64(port), size: size, value: value)
    }
    return value
  }

  /// Writes a port, at the exact time and with breakpoints, permission already checked.
  func writePort(_ port: UInt16, size: UInt8, value: UInt64) {
    watchPort(port, size: size)
    synchronizeClock()
    let value = truncate(value, toSize: size)
    if state.pointee.isObserved {
      reportAccess(.port, isWrite: true, address: UInt64(port), size: size, value: value)
    }
    connections.bus.writePort(port, size: AccessSize(rawValue: size) ?? .byte, value: value)
    requestLookup()
  }

  /// IN AL/AX/EAX, imm8 or DX.
  func inPort(_ i: borrowing Instruction) throws(Exception) {
    let size = i.operand0.size
    let port = portNumber(i.operand1, i)
    try checkIOPermission(port: port, size: size)
    writeRegister(Register.rax.rawValue, size: size, readPort(port, size: size))
  }

  /// OUT imm8 or DX, AL/AX/EAX.
  func outPort(_ i: borrowing Instruction) throws(Exception) {
    let size = i.operand1.size
    let port = portNumber(i.operand0, i)
    try checkIOPermission(port: port, size: size)
    writePort(port, size: size, value: self[.rax])
  }

  private func portNumber(_ operand: Operand, _ i: borrowing Instruction) -> UInt16 {
    operand.kind == .immediate
      ? UInt16(i.immediate & 0xFF) : UInt16(truncatingIfNeeded: self[.rdx])
  }
}

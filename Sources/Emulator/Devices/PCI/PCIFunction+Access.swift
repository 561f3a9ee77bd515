/// Configuration cycles.
extension PCIFunction {
  /// Reads bytes that lie in one doubleword; what is beyond configuration space reads as zero.
  public func read(_ register: Int, size: AccessSize) -> UInt64 {
    let count = Int(size.rawValue)
    guard register >= 0, register + count <= Self.size else { return 0 }
    willRead?(register..<register + count)
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(bytes[register + index]) &<< UInt64(index * 8) }
    return value
  }

  /// Writes bytes that lie in one doubleword, as far as they can be written.
  public func write(_ register: Int, size: AccessSize, value: UInt64) {
    let count = Int(size.rawValue)
    guard register >= 0, register + count <= Self.size else { return }
    let before = placements
    let wasInterrupting = isInterrupting
    for index in 0..<count {
      let mask = writable[register + index]
      let byte = UInt8(truncatingIfNeeded: value &>> UInt64(index * 8))
      bytes[register + index] = bytes[register + index] & ~mask | byte & mask
    }
    dma?.isEnabled = isBusMaster
    if messageControl != 0, register <= messageControl + 1, register + count > messageControl {
      messages?.configure(control: word(messageControl))
    }
    if placements != before { connections.regionsChanged() }
    if isInterrupting != wasInterrupting { connections.interruptChanged() }
    written?(register..<register + count)
  }

  /// Replaces four bytes of configuration space, whatever a guest may write there.
  func store(_ value: UInt32, at register: Int) {
    guard register >= 0, register + 4 <= Self.size else { return }
    for index in 0..<4 {
      bytes[register + index] = UInt8(truncatingIfNeeded: value &>> UInt32(index * 8))
    }
  }

  /// Adds the capability that says where the table of `placement` is.
  func addMessageCapability(_ placement: PCIMessageTable.Placement) {
    let last = UInt16(placement.table.count - 1)
    let content =
      UInt64(last).littleEndianBytes(2)
      + UInt64(UInt32(placement.region)).littleEndianBytes(4)
      + UInt64(PCIMessageTable.pendingOffset | UInt32(placement.region)).littleEndianBytes(4)
    // Enable and function mask can be written.
    messageControl = addCapability(0x11, content, writable: [0, 0xC0]) + 2
    placement.table.send = { [unowned self] address, data in
      if isBusMaster { connections.send(address, data) }
    }
  }
}

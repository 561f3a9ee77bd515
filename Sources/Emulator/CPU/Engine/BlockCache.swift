/// Decoded blocks by physical address.
final class BlockCache {
  init(memory: PhysicalMemory) {}
}
extension CPU {
  func codeWasWritten(_ address: PhysicalAddress, count: UInt64) {}
  func requestLookup() {}
}
extension CPU {
  func executeArithmetic(_ i: borrowing Instruction) throws(Exception) {}
  func executeTransfer(_ i: borrowing Instruction) throws(Exception) {}
  func executeString(_ i: borrowing Instruction) throws(Exception) {}
  func executeControl(_ i: borrowing Instruction) throws(Exception) {}
  func executeX87(_ i: borrowing Instruction) throws(Exception) {}
  func executeSSE(_ i: borrowing Instruction) throws(Exception) {}
}

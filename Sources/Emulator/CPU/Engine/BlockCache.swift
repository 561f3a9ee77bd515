/// Decoded blocks by physical address.
final class BlockCache {
  init(memory: PhysicalMemory) {}
}
extension CPU {
  func codeWasWritten(_ address: PhysicalAddress, count: UInt64) {}
  func requestLookup() {}
  func watch(_ address: LinearAddress, size: UInt64, access: Access) throws(Exception) {}
}
final class ExceptionRecorder {}
public struct ProcessorIdentification: Sendable {}
extension CPU {
  func executeArithmetic(_ i: borrowing Instruction) throws(Exception) {}
  func executeTransfer(_ i: borrowing Instruction) throws(Exception) {}
  func executeString(_ i: borrowing Instruction) throws(Exception) {}
  func executeControl(_ i: borrowing Instruction) throws(Exception) {}
  func executeSystem(_ i: borrowing Instruction) throws(Exception) {}
}

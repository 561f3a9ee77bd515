/// Decoded blocks by physical address.
final class BlockCache {
  init(memory: PhysicalMemory) {}
}
extension CPU {
  func codeWasWritten(_ address: PhysicalAddress, count: UInt64) {}
  func requestLookup() {}
  func watch(_ address: LinearAddress, size: UInt64, access: Access) throws(Exception) {}
  func checkIOPermission(port: UInt16, size: UInt8) throws(Exception) {}
}
final class ExceptionRecorder {}
public struct ProcessorIdentification: Sendable {}
extension CPU {
  func executeX87(_ i: borrowing Instruction) throws(Exception) {}
  func executeSSE(_ i: borrowing Instruction) throws(Exception) {}
  func executeSystem(_ i: borrowing Instruction) throws(Exception) {}
}

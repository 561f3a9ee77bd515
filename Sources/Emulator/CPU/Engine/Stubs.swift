final class ExceptionRecorder {}
public struct ProcessorIdentification: Sendable { var signature: UInt32 { 0 } }
extension CPU {
  func watch(_ address: LinearAddress, size: UInt64, access: Access) throws(Exception) {}
  func executeArithmetic(_ i: borrowing Instruction) throws(Exception) {}
  func executeTransfer(_ i: borrowing Instruction) throws(Exception) {}
  func executeString(_ i: borrowing Instruction) throws(Exception) {}
  func executeControl(_ i: borrowing Instruction) throws(Exception) {}
  func executeX87(_ i: borrowing Instruction) throws(Exception) {}
  func executeSSE(_ i: borrowing Instruction) throws(Exception) {}
  func executeSystem(_ i: borrowing Instruction) throws(Exception) {}
  func deliver(_ exception: Exception) {}
  func deliverNMI() {}
  func deliverInterrupt(vector: UInt8) {}
  func deliverPendingDebug() {}
  var instructionBreakpoint: UInt64? { nil }
}

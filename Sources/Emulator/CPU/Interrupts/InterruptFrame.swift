/// The values that a delivery pushes, in the order of the pushes.
struct InterruptFrame {
  /// Four data segments of virtual-8086 mode, SS:rSP, flags, CS:rIP and an error code.
  private var words = InlineArray<10, UInt64>(repeating: 0)
  private var count = 0

  mutating func append(_ value: UInt64) {
    words[count] = value
    count += 1
  }

  mutating func append(_ selector: UInt16) { append(UInt64(selector)) }

  /// Raises the stack's fault unless there is room for the whole frame.
  func reserve(in stack: PendingStack, size: UInt8) throws(Exception) {
    do throws(Exception) {
      try stack.reserve(count, size: size)
    } catch {
      throw stack.cpu.failed(.push(rsp: stack.pointer), error)
    }
  }

  func push(to stack: inout PendingStack, size: UInt8) throws(Exception) {
    for index in 0..<count {
      do throws(Exception) {
        try stack.push(words[index], size: size)
      } catch {
        throw stack.cpu.failed(.push(rsp: stack.pointer), error)
      }
    }
  }
}

/// A device seen from the bus: registers at offsets from wherever the machine put it.
///
/// A device never learns its own address. Reads of registers that do not exist return all ones,
/// writes to them are ignored, as on a PC bus that nobody answers.
public protocol BusDevice: AnyObject {
  /// Reads `size` bytes at `offset`; bits above the width are zero.
  func read(offset: UInt64, size: AccessSize) -> UInt64

  /// Writes the low `size` bytes of `value` at `offset`.
  func write(offset: UInt64, size: AccessSize, value: UInt64)
}

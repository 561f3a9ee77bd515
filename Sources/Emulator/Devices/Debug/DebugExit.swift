/// Port F4h: a write of any width ends the run, as QEMU's isa-debug-exit.
public final class DebugExit: BusDevice {
  private let exit: (UInt32) -> Void

  /// Makes a port that gives the value written to `exit`; the exit status is the host's affair.
  public init(exit: @escaping (UInt32) -> Void) {
    self.exit = exit
  }

  /// Zero, as QEMU's port.
  public func read(offset: UInt64, size: AccessSize) -> UInt64 { 0 }

  /// Ends the run with the value written, wherever in the port's four bytes that happens.
  public func write(offset: UInt64, size: AccessSize, value: UInt64) {
    exit(UInt32(truncatingIfNeeded: value & size.mask))
  }
}

import Emulator

/// Memory as one processor maps it now, for looking only: no rights are asked, nothing is marked.
public struct LinearMemory {
  /// The machine.
  public let machine: Machine
  /// The processor whose paging structures are in force.
  public let cpu: CPU

  /// The memory of a processor; of the one whose turn it is, unless told otherwise.
  public init(_ machine: Machine, processor: Processor? = nil) {
    self.machine = machine
    cpu = (processor ?? machine.processor).cpu
  }

  /// The physical address behind a linear one, nil where nothing is mapped.
  public func physical(_ address: UInt64) -> UInt64? {
    let linear = LinearAddress(cpu.isIA32e ? address : address & 0xFFFF_FFFF)
    return cpu.peekTranslation(linear).map { $0.physicalPage | linear.offset }
  }

  /// Reads bytes; nil unless all of them are mapped to RAM.
  public func read(_ address: UInt64, count: Int) -> [UInt8]? {
    let bytes = readable(address, count: count)
    return bytes.count == count ? bytes : nil
  }

  /// Reads bytes up to the first that is not mapped to RAM.
  public func readable(_ address: UInt64, count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let at = address &+ UInt64(bytes.count)
      let length = min(count - bytes.count, 4096 - Int(at & 4095))
      guard let physical = physical(at),
        let piece = machine.memory.read(PhysicalAddress(physical), count: length)
      else { break }
      bytes += piece
    }
    return bytes
  }

  /// Reads a number of up to eight bytes.
  public func number(_ address: UInt64, size: Int = 8) -> UInt64? {
    read(address, count: min(max(size, 0), 8))?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

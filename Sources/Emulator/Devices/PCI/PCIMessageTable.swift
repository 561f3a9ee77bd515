/// The MSI-X table of a function and its pending bits, in one region of 4 KiB.
///
/// PCI Local Bus Specification 3.0, "MSI-X Capability and Table Structure". The table lies at 0,
/// the pending bit array at 800h.
public final class PCIMessageTable: BusDevice {
  /// Where a table is: the index of its region.
  public struct Placement {
    let table: PCIMessageTable
    let region: Int

    /// Puts `table` behind base address register `region`.
    public init(_ table: PCIMessageTable, region: Int) {
      self.table = table
      self.region = region
    }
  }

  /// One row of the table.
  public struct Entry: Codable, Equatable, Sendable {
    package var address: UInt64 = 0
    package var data: UInt32 = 0
    package var control: UInt32 = 1

    var isMasked: Bool { control & 1 != 0 }
  }

  /// The table and the pending bits; whether it is in use stands in configuration space.
  public struct State: Codable, Equatable, Sendable {
    package var entries: [Entry]
    package var pending: [Bool]
  }

  /// Bytes of the region.
  public static let regionSize: UInt64 = 0x1000
  static let pendingOffset: UInt32 = 0x800
  private static let largestCount = 128

  /// The table and the pending bits.
  public internal(set) var state: State
  /// Whether MSI-X is enabled, so that the function's interrupt pin is not used.
  public private(set) var isEnabled = false
  private var isMasked = false
  var send: (_ address: UInt64, _ data: UInt32) -> Void = { _, _ in }

  /// Makes a table of up to 128 masked entries.
  public init(count: Int) {
    let count = min(max(count, 1), Self.largestCount)
    state = State(
      entries: [Entry](repeating: Entry(), count: count),
      pending: [Bool](repeating: false, count: count))
  }

  /// The number of entries.
  public var count: Int { state.entries.count }

  func reset() {
    state = State(
      entries: [Entry](repeating: Entry(), count: count),
      pending: [Bool](repeating: false, count: count))
    configure(control: 0)
  }

  /// Takes the message control register.
  func configure(control: UInt16) {
    isEnabled = control & 1 << 15 != 0
    isMasked = control & 1 << 14 != 0
    sendPending()
  }

  /// Sends the message of an entry, or remembers it while it is masked.
  public func signal(_ index: Int) {
    guard isEnabled, state.entries.indices.contains(index) else { return }
    state.pending[index] = true
    sendPending()
  }

  private func sendPending() {
    guard isEnabled, !isMasked else { return }
    for index in state.entries.indices
    where state.pending[index] && !state.entries[index].isMasked {
      state.pending[index] = false
      send(state.entries[index].address, state.entries[index].data)
    }
  }

  // MARK: Registers

  /// Reads the table or the pending bits.
  public func read(offset: UInt64, size: AccessSize) -> UInt64 {
    if size == .quadword {
      return UInt64(read(offset)) | UInt64(read(offset &+ 4)) << 32
    }
    return UInt64(read(offset & ~3)) &>> ((offset & 3) &* 8) & size.mask
  }

  private func read(_ offset: UInt64) -> UInt32 {
    if offset >= UInt64(Self.pendingOffset) {
      let first = Int(truncatingIfNeeded: (offset & 0x7FC) * 8)
      var bits: UInt32 = 0
      for index in 0..<32 where first + index < count && state.pending[first + index] {
        bits |= 1 << UInt32(index)
      }
      return bits
    }
    let index = Int(truncatingIfNeeded: offset >> 4)
    guard index < count else { return 0 }
    let entry = state.entries[index]
    switch offset >> 2 & 3 {
    case 0: return UInt32(truncatingIfNeeded: entry.address)
    case 1: return UInt32(truncatingIfNeeded: entry.address >> 32)
    case 2: return entry.data
    default: return entry.control
    }
  }

  /// Writes aligned doublewords or quadwords of the table; nothing else can be written.
  public func write(offset: UInt64, size: AccessSize, value: UInt64) {
    switch size {
    case .doubleword where offset & 3 == 0:
      write(offset, UInt32(truncatingIfNeeded: value))
    case .quadword where offset & 7 == 0:
      write(offset, UInt32(truncatingIfNeeded: value))
      write(offset &+ 4, UInt32(truncatingIfNeeded: value >> 32))
    default: return
    }
    sendPending()
  }

  private func write(_ offset: UInt64, _ value: UInt32) {
    let index = Int(truncatingIfNeeded: min(offset, 0x7FF) >> 4)
    guard offset < UInt64(Self.pendingOffset), index < count else { return }
    let address = state.entries[index].address
    switch offset >> 2 & 3 {
    case 0: state.entries[index].address = address & ~0xFFFF_FFFF | UInt64(value & ~3)
    case 1: state.entries[index].address = address & 0xFFFF_FFFF | UInt64(value) << 32
    case 2: state.entries[index].data = value
    default: state.entries[index].control = value & 1
    }
  }
}

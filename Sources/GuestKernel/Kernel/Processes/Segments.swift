/// Base and bound as the 80286 introduced them: a program's own segments, in a local descriptor table.
///
/// In 64-bit code the processor ignores base and limit; in 32-bit code, which runs in compatibility mode
/// beside it, every access is checked against the limit of its segment and then moved by its base, before
/// paging sees the address. SDM Vol. 3A, "Protected-Mode Memory Management", "Segment Descriptors".
import KernelArch

struct Segments {
  static let count = 8
  private var table: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) =
    (0, 0, 0, 0, 0, 0, 0, 0)
  /// DS and ES, which 64-bit code has no use for; saved while the thread does not run.
  fileprivate var dataSelectors: UInt32 = 0

  static func make() -> UnsafeMutablePointer<Segments> {
    let segments = UnsafeMutablePointer<Segments>.allocate(capacity: 1)
    segments.initialize(to: Segments())
    return segments
  }

  static func copy(
    of other: UnsafeMutablePointer<Segments>
  ) -> UnsafeMutablePointer<Segments> {
    let segments = make()
    segments.pointee = other.pointee
    return segments
  }

  /// Sets entry `index`.
  mutating func set(_ index: Int, _ descriptor: UInt64) {
    withUnsafeMutableBytes(of: &table) {
      $0.storeBytes(of: descriptor, toByteOffset: index * 8, as: UInt64.self)
    }
  }

  /// At a switch between threads, interrupts off.
  static func exchange(
    _ old: UnsafeMutablePointer<Segments>?, _ new: UnsafeMutablePointer<Segments>?
  ) {
    if let old { old.pointee.dataSelectors = read_data_selectors() }
    guard old != nil || new != nil else { return }
    load(new)
    if let new { load_data_selectors(new.pointee.dataSelectors) }
  }

  /// Makes the table the running processor's.
  static func load(_ segments: UnsafeMutablePointer<Segments>?) {
    guard let segments else {
      load_data_selectors(0)
      load_ldtr(0)
      return
    }
    // A copy: the processor reads it in ring 3 too, whose page tables may lack the original.
    CPU.current.entry.pointee.local_table = segments.pointee.table
    load_ldtr(Selector.localTable)
  }
}

/// What `modify_ldt` takes, as Linux has it.
struct SegmentRecord: BitwiseCopyable {
  var index: UInt32 = 0
  var base: UInt32 = 0
  var limit: UInt32 = 0
  /// Bit 0: 32 bits; 1 and 2: 0 data, 2 code; 3: read-only; 4: the limit counts pages; 5: not present.
  var flags: UInt32 = 0

  /// The descriptor, always of ring 3.
  var descriptor: UInt64 {
    let is32Bit = UInt64(flags & 1)
    let isCode = flags >> 1 & 3 == 2
    let isReadOnly = flags >> 3 & 1 != 0
    let inPages = UInt64(flags >> 4 & 1)
    let isPresent = UInt64(~flags >> 5 & 1)
    let accessed: UInt64 = 1  // beforehand, so that the processor does not write to the table
    let type: UInt64 = isCode ? 0xa | accessed : (isReadOnly ? 0 : 2) | accessed
    let access = type | 1 << 4 | 3 << 5 | isPresent << 7
    let base = UInt64(base)
    let limit = UInt64(limit)
    return limit & 0xffff | (base & 0xff_ffff) << 16 | access << 40 | (limit >> 16 & 0xf) << 48
      | is32Bit << 54 | inPages << 55 | (base >> 24) << 56
  }
}

extension SystemCalls {
  static func modifyDescriptor(
    _ function: Int32, _ address: UInt64, _ size: UInt64
  ) throws(SystemFailure) -> UInt64 {
    let write: Int32 = 1
    guard Configuration.COMPATIBILITY, function == write || function == 0x11 else {
      throw SystemFailure(.noSuchCall)
    }
    guard size == UInt64(MemoryLayout<SegmentRecord>.size), let user = Thread.current.user else {
      throw SystemFailure(.invalidArgument)
    }
    let record = try UserMemory.get(SegmentRecord(), at: address)
    guard record.index < UInt32(Segments.count), record.limit <= 0xf_ffff else {
      throw SystemFailure(.invalidArgument)
    }
    let segments = user.segments ?? Segments.make()
    Interrupts.off {
      segments.pointee.set(Int(record.index), record.descriptor)
      user.segments = segments
      Segments.load(segments)
    }
    return 0
  }
}

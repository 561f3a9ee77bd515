/// Where a 16-bit or 32-bit TSS keeps its fields.
///
/// SDM volume 3A, "Task-State Segment (TSS)" and "16-Bit Task-State Segment".
struct TaskStateLayout {
  /// 32-bit, as opposed to the 286's.
  let isWide: Bool

  /// The smallest limit that a TSS may have.
  var minimumLimit: UInt32 { isWide ? 103 : 43 }
  /// Width of the saved registers in bytes.
  var size: UInt8 { isWide ? 4 : 2 }
  /// rIP, flags, the eight general registers in the order of their numbers.
  var registers: UInt64 { isWide ? 0x20 : 0x0E }
  /// ES, CS, SS, DS and, in a 32-bit TSS, FS and GS.
  var selectors: UInt64 { isWide ? 0x48 : 0x22 }
  /// How many selectors are saved.
  var selectorCount: UInt8 { isWide ? 6 : 4 }
  /// Distance from one selector to the next.
  var selectorStride: UInt64 { isWide ? 4 : 2 }
  /// The LDT's selector.
  var localTable: UInt64 { isWide ? 0x60 : 0x2A }

  /// Where register or slot `index` of `registers` lies.
  func register(_ index: UInt64) -> UInt64 { registers + index * UInt64(size) }
  /// Where the selector of segment `index` lies.
  func selector(_ index: UInt8) -> UInt64 { selectors + UInt64(index) * selectorStride }
}

/// What a task switch takes from the new TSS.
struct TaskState {
  var pageDirectory: UInt64 = 0
  var instructionPointer: UInt64 = 0
  var flags: UInt64 = 0
  var registers = InlineArray<8, UInt64>(repeating: 0)
  var selectors = InlineArray<6, UInt16>(repeating: 0)
  var localTable: UInt16 = 0
  /// T: raise #DB when the task starts.
  var traps = false
}

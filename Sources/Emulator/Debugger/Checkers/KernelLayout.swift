import Emulator

/// Where the segments of a kernel are.
struct KernelLayout {
  struct Part: Equatable {
    let linear: UInt64
    /// Nil where the boot protocol decides.
    let physical: UInt64?
    let size: UInt64
    let isWritable: Bool
    let isExecutable: Bool

    func contains(linear address: UInt64) -> Bool { address &- linear < size }
    func contains(physical address: UInt64) -> Bool {
      physical.map { address &- $0 < size } ?? false
    }
  }

  private static let executable: UInt32 = 1
  private static let writable: UInt32 = 2
  private static let fixedPosition: UInt16 = 2

  let parts: [Part]

  /// The segments of a machine's kernel where they are now; none of one that is no ELF file or that is
  /// relocated by its loader.
  init(_ machine: Machine, slide: ImageSlide?) {
    guard let image = machine.image, let elf = image.elf, elf.type == Self.fixedPosition else {
      parts = []
      return
    }
    var isPlaced = true
    if case .limine = image.kind { isPlaced = false }
    parts = elf.segments.filter(\.isLoadable).map { segment in
      Part(
        linear: slide?.moved(segment.virtualAddress) ?? segment.virtualAddress,
        physical: isPlaced ? segment.physicalAddress : nil,
        size: segment.memorySize, isWritable: segment.flags & Self.writable != 0,
        isExecutable: segment.flags & Self.executable != 0)
    }
  }

  /// The code that stays: with labels around it, kernels give the rest back after their start.
  func text(_ symbols: SymbolTable) -> [Part] {
    let labels = [("text_start", "text_end"), ("_stext", "_etext"), ("_text", "_etext")]
    let range = labels.lazy.compactMap { start, end -> Range<UInt64>? in
      guard let start = symbols.symbols(named: start).first?.address,
        let end = symbols.symbols(named: end).first?.address, start < end
      else { return nil }
      return start..<end
    }.first
    let code = parts.filter { $0.isExecutable && !$0.isWritable }
    guard let range else { return code }
    return code.compactMap { part in
      let start = max(part.linear, range.lowerBound)
      let end = min(part.linear.addingClamped(part.size), range.upperBound)
      guard start < end else { return nil }
      return Part(
        linear: start, physical: part.physical.map { $0 &+ (start - part.linear) },
        size: end - start, isWritable: false, isExecutable: true)
    }
  }
}

/// How a program gets into an address space: segments are mapped, not copied; their pages come from the
/// file at their first touch, and all who run the program share those they do not write.
import KernelArch

extension AddressSpace {
  /// Maps a segment of a program: the file's part from the file, zeroes behind it.
  func load(_ segment: ELFProgram.Segment, of object: MemoryObject) -> Bool {
    var protection: Protection = .read
    if segment.isWritable { protection.insert(.write) }
    if segment.isExecutable { protection.insert(.execute) }
    heapStart = max(heapStart, segment.endPage)
    heapEnd = heapStart
    let range = segment.firstPage..<segment.endPage
    guard segment.fileOffset % pageSize == segment.address % pageSize else {
      // Cannot be mapped from the file: copied.
      return place(range, protection) && copy(segment, from: object)
    }
    let fileEnd = segment.address + segment.fileSize
    let split = min((fileEnd + pageSize - 1) & ~(pageSize - 1), range.upperBound)
    let offset = segment.fileOffset & ~(pageSize - 1)
    if segment.fileSize > 0 {
      guard place(range.lowerBound..<split, protection, object, offset) else { return false }
      if segment.memorySize > segment.fileSize, !clearRestOfPage(fileEnd) { return false }
    }
    let rest = segment.fileSize > 0 ? split : range.lowerBound
    return rest >= range.upperBound || place(rest..<range.upperBound, protection)
  }

  /// Copies the file's part of a segment, page by page.
  private func copy(_ segment: ELFProgram.Segment, from object: MemoryObject) -> Bool {
    var done: UInt64 = 0
    while done < segment.fileSize {
      let offset = (segment.fileOffset + done) % pageSize
      let chunk = min(segment.fileSize - done, pageSize - offset)
      guard case .success(let page) = object.page((segment.fileOffset + done) / pageSize) else {
        return false
      }
      let bytes = UnsafeRawBufferPointer(start: (page.frame + offset).pointer, count: Int(chunk))
      let isCopied = fill(segment.address + done, from: bytes)
      Frames.release(page.frame)
      guard isCopied else { return false }
      done += chunk
    }
    return true
  }

  /// The stack: small at first, and able to grow.
  func makeStack() -> Bool {
    randomizeHeap()
    let range = stackTop - Layout.userStackSize..<stackTop
    let result = map(
      at: range.lowerBound, size: UInt64(range.count), [.read, .write], [.growsDown, .stack],
      replacing: false)
    if case .success = result { return true }
    return false
  }

  private func place(
    _ range: Range<UInt64>, _ protection: Protection, _ object: MemoryObject? = nil,
    _ offset: UInt64 = 0
  ) -> Bool {
    let result = map(
      at: range.lowerBound, size: UInt64(range.count), protection, object: object,
      offset: offset, replacing: false)
    if case .success = result { return true }
    return false
  }

  /// Copies into pages of this space through the direct map, whatever their protection.
  func fill(_ address: UInt64, from source: UnsafeRawBufferPointer) -> Bool {
    var done = 0
    while done < source.count {
      let at = address &+ UInt64(done)
      guard let frame = privatePage(at & ~(pageSize - 1)), let base = source.baseAddress else {
        return false
      }
      let chunk = min(source.count - done, Int(pageSize - at % pageSize))
      (frame + at % pageSize).pointer.copyMemory(from: base + done, byteCount: chunk)
      Frames.release(frame)
      done += chunk
    }
    return true
  }

  /// Overwrites the end of a page with zeroes, from `address` on: where a file's part of a segment ends.
  func clearRestOfPage(_ address: UInt64) -> Bool {
    guard address % pageSize != 0 else { return true }
    guard let frame = privatePage(address & ~(pageSize - 1)) else { return false }
    let rest = Int(pageSize - address % pageSize)
    (frame + address % pageSize).pointer.initializeMemory(
      as: UInt8.self, repeating: 0, count: rest)
    Frames.release(frame)
    return true
  }
}

/// Why a file is not a program this kernel can run.
package enum ELFError: Error, Equatable {
  case tooShort
  case notELF
  case notStaticExecutable
  case badHeaders
  case outsideUserSpace
  case segmentOutsideFile
  case writableAndExecutable
  case segmentsShareAPage
  case entryNotExecutable
  case noSegments

  package var name: StaticString {
    switch self {
    case .tooShort: "shorter than an ELF header"
    case .notELF: "not an ELF file"
    case .notStaticExecutable: "not a static x86-64 executable"
    case .badHeaders: "program headers outside the file"
    case .outsideUserSpace: "a segment outside user space"
    case .segmentOutsideFile: "a segment outside the file"
    case .writableAndExecutable: "a segment both writable and executable"
    case .segmentsShareAPage: "two segments on one page"
    case .entryNotExecutable: "an entry point outside the code"
    case .noSegments: "nothing to load"
    }
  }
}

/// The parts of an ELF64 executable without an interpreter that a loader needs, checked before anything is mapped.
package struct ELFProgram {
  package struct Segment: Equatable {
    package var address: UInt64
    package var memorySize: UInt64
    package var fileOffset: UInt64
    package var fileSize: UInt64
    package var isWritable: Bool
    package var isExecutable: Bool

    package var firstPage: UInt64 { address & ~(pageSize &- 1) }
    package var endPage: UInt64 {
      (address &+ memorySize &+ (pageSize &- 1)) & ~(pageSize &- 1)
    }
  }

  package private(set) var entry: UInt64 = 0
  package private(set) var segments: [Segment] = []
  /// It says that it runs at any address (ET_DYN), and relocates itself.
  package private(set) var isMovable = false

  /// Where the program headers end, for who has read the ELF header only; nil if it is none.
  package static func headersEnd(_ start: UnsafeRawBufferPointer) -> UInt64? {
    guard start.count >= 64, start.word32(0) == 0x464c_457f else { return nil }
    let (end, isTooFar) = start.word64(32).addingReportingOverflow(start.word16(56) * 56)
    return isTooFar ? nil : end
  }

  /// Checks a program, whose segments must lie in `space`.
  ///
  /// `file` is all of it, or its beginning with all headers; then `size` says how long the file is.
  package init(
    _ file: UnsafeRawBufferPointer, size: UInt64? = nil, within space: Range<UInt64>
  ) throws(ELFError) {
    let size = size ?? UInt64(file.count)
    guard file.count >= 64 else { throw ELFError.tooShort }
    guard file.word32(0) == 0x464c_457f else { throw ELFError.notELF }
    let (executable, movable): (UInt64, UInt64) = (2, 3)
    let thisMachine: UInt64 = 62
    isMovable = file.word16(16) == movable
    guard file[4] == 2, file[5] == 1, isMovable || file.word16(16) == executable,
      file.word16(18) == thisMachine
    else { throw ELFError.notStaticExecutable }
    let table = file.word64(32)
    let entrySize = file.word16(54)
    let count = file.word16(56)
    guard entrySize == 56, table <= UInt64(file.count),
      count &* 56 <= UInt64(file.count) &- table
    else { throw ELFError.badHeaders }
    entry = file.word64(24)
    for index in 0..<Int(count) {
      try add(file, size, header: Int(table) + index * 56, within: space)
    }
    guard !segments.isEmpty else { throw ELFError.noSegments }
    var entryIsCode = false
    for segment in segments where segment.isExecutable {
      if entry >= segment.address, entry &- segment.address < segment.memorySize {
        entryIsCode = true
      }
    }
    guard entryIsCode else { throw ELFError.entryNotExecutable }
  }

  /// Puts it elsewhere than it was linked for, by whole pages.
  package mutating func move(by distance: UInt64) {
    entry += distance
    for index in segments.indices { segments[index].address += distance }
  }

  private mutating func add(
    _ file: UnsafeRawBufferPointer, _ size: UInt64, header: Int, within space: Range<UInt64>
  ) throws(ELFError) {
    let load: UInt64 = 1
    guard file.word32(header) == load else { return }
    let flags = file.word32(header + 4)
    let segment = Segment(
      address: file.word64(header + 16), memorySize: file.word64(header + 40),
      fileOffset: file.word64(header + 8), fileSize: file.word64(header + 32),
      isWritable: flags & 2 != 0, isExecutable: flags & 1 != 0)
    guard segment.memorySize > 0 else { return }
    guard segment.address >= space.lowerBound, segment.address < space.upperBound,
      segment.memorySize <= space.upperBound &- segment.address
    else { throw ELFError.outsideUserSpace }
    guard segment.fileSize <= segment.memorySize, segment.fileOffset <= size,
      segment.fileSize <= size &- segment.fileOffset
    else { throw ELFError.segmentOutsideFile }
    guard !(segment.isWritable && segment.isExecutable) else {
      throw ELFError.writableAndExecutable
    }
    for other in segments where other.firstPage < segment.endPage {
      if segment.firstPage < other.endPage { throw ELFError.segmentsShareAPage }
    }
    segments.append(segment)
  }
}

extension UnsafeRawBufferPointer {
  /// The little-endian number of two bytes at `offset`, 0 outside the buffer.
  package func word16(_ offset: Int) -> UInt64 { number(offset, 2) }
  /// The little-endian number of four bytes at `offset`, 0 outside the buffer.
  package func word32(_ offset: Int) -> UInt64 { number(offset, 4) }
  /// The little-endian number of eight bytes at `offset`, 0 outside the buffer.
  package func word64(_ offset: Int) -> UInt64 { number(offset, 8) }

  private func number(_ offset: Int, _ size: Int) -> UInt64 {
    guard offset >= 0, count >= size, offset <= count - size else { return 0 }
    var value: UInt64 = 0
    for index in 0..<size { value |= UInt64(self[offset + index]) << UInt64(index * 8) }
    return value
  }
}

import FaultyGuest

/// A kernel that makes one mistake, for the checks that find it, or does the same right.
public struct FaultyImage {
  /// What the kernel does.
  public enum Subject: UInt32, Sendable {
    case stack
    case endOfInterrupt
    case interruptsOff
    case codeWrite
    case dataExecution
    case mapping
    case heap
    case locks
    case race
    case torture
  }

  private static let base: UInt64 = 0x10_0000
  private static let dataBase: UInt64 = 0x40_0000

  /// What it does.
  public var subject: Subject
  /// How it does that wrong; 0 is right.
  public var way: UInt32

  /// A kernel that does something right, or wrong.
  public init(_ subject: Subject, way: UInt32 = 0) {
    self.subject = subject
    self.way = way
  }

  /// The ELF file, with a segment of code, one of data, and symbols.
  public func build() -> [UInt8] {
    var code = (0..<faulty_guest_size()).map { faulty_guest_byte($0) }
    for (offset, value) in [(8, subject.rawValue), (12, way)] {
      code.replaceSubrange(offset..<offset + 4, with: ELFBuilder.number(UInt64(value), 4))
    }
    var builder = ELFBuilder(code: code, at: Self.base)
    builder.segments[0].flags = 5
    var data = ELFBuilder.Segment(at: Self.dataBase, [0])
    data.flags = 6
    data.memorySize = 0x1_0000
    builder.segments.append(data)
    builder.symbols = [("test_stack_area", 0x40_3000, 4096), ("shared_counter", 0x40_1040, 4)]
    var index = 0
    while let name = faulty_guest_function(index) {
      let start = faulty_guest_function_start(index)
      let size = faulty_guest_function_end(index) - start
      builder.symbols.append(
        (String(cString: name), Self.base + UInt64(start), UInt64(size)))
      index += 1
    }
    return builder.build()
  }
}

/// The tags that tell a Multiboot 2 kernel about its machine.
///
/// Multiboot2 Specification 2.0, "Boot information format".
struct Multiboot2Information {
  /// EAX at the kernel's entry.
  static let magic: UInt64 = 0x36D7_6289

  private enum TagType: UInt32 {
    case end = 0
    case commandLine = 1
    case loaderName = 2
    case module = 3
    case basicMemory = 4
    case memoryMap = 6
    case sections = 9
    case acpiOld = 14
    case acpiNew = 15
    case loadBase = 21
  }

  /// Bytes of an RSDP of ACPI 1.0.
  private static let oldRootPointerSize = 20

  private var tags = ByteWriter()

  /// The whole structure.
  var bytes: [UInt8] {
    var whole = ByteWriter()
    whole.append(UInt32(tags.bytes.count + 8))
    whole.append(0 as UInt32)
    whole.append(contentsOf: tags.bytes)
    return whole.bytes
  }

  /// Makes every tag that this machine has something to say in.
  init(_ content: MultibootContent) {
    add(.commandLine) { $0.append(contentsOf: Array(content.commandLine.utf8) + [0]) }
    add(.loaderName) { $0.append(contentsOf: Array(MultibootContent.loaderName.utf8) + [0]) }
    for module in content.modules {
      add(.module) {
        $0.append(UInt32(truncatingIfNeeded: module.range.lowerBound))
        $0.append(UInt32(truncatingIfNeeded: module.range.upperBound))
        $0.append(contentsOf: Array(module.name.utf8) + [0])
      }
    }
    add(.basicMemory) {
      $0.append(content.lowerMemory)
      $0.append(content.upperMemory)
    }
    add(.memoryMap) { Self.appendMemoryMap(content.memoryMap, to: &$0) }
    if let sections = content.sections {
      add(.sections) {
        $0.append(UInt32(sections.count))
        $0.append(UInt32(sections.entrySize))
        $0.append(sections.names)
        $0.append(contentsOf: sections.table)
      }
    }
    if content.rootPointer.count >= Self.oldRootPointerSize {
      add(.acpiOld) {
        $0.append(contentsOf: Array(content.rootPointer.prefix(Self.oldRootPointerSize)))
      }
    }
    if content.rootPointer.count > Self.oldRootPointerSize {
      add(.acpiNew) { $0.append(contentsOf: content.rootPointer) }
    }
    if let base = content.loadBase {
      add(.loadBase) { $0.append(UInt32(truncatingIfNeeded: base)) }
    }
    add(.end) { _ in }
  }

  private mutating func add(_ type: TagType, body: (inout ByteWriter) -> Void) {
    var content = ByteWriter()
    body(&content)
    let size = content.bytes.count + 8
    tags.append(type.rawValue)
    tags.append(UInt32(size))
    tags.append(contentsOf: content.bytes)
    // Tags begin at multiples of 8; their sizes do not count what fills up.
    tags.append(contentsOf: [UInt8](repeating: 0, count: (8 - size % 8) % 8))
  }

  private static func appendMemoryMap(_ ranges: [MemoryRange], to bytes: inout ByteWriter) {
    bytes.append(24 as UInt32)
    bytes.append(0 as UInt32)
    for range in ranges {
      bytes.append(range.start)
      bytes.append(range.size)
      bytes.append(range.kind.rawValue)
      bytes.append(0 as UInt32)
    }
  }
}

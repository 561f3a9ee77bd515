import CElf

/// Moves a position-independent executable that lies in memory to the addresses it runs at.
///
/// System V ABI, AMD64 supplement, "Relocation Types".
struct ELFRelocations {
  /// Reads 8 bytes of the image by the address it was linked for; nil outside of it.
  let load: (UInt64) -> UInt64?
  /// Writes 8 bytes; false outside of the image.
  let store: (UInt64, UInt64) -> Bool
  /// How far the image was moved.
  let slide: UInt64
  /// The file's name, for messages.
  let name: String

  private static let entrySize: UInt64 = 24
  private static let symbolSize: UInt64 = 24

  /// Applies the relocations that a dynamic segment lists.
  func apply(dynamic: ELFImage.Segment) throws(ImageError) {
    let tags = read(dynamic)
    for (table, size) in [(DT_RELA, DT_RELASZ), (DT_JMPREL, DT_PLTRELSZ)] {
      guard let start = tags[Int64(table)], let bytes = tags[Int64(size)] else { continue }
      var offset: UInt64 = 0
      while offset < bytes {
        try apply(entry: start &+ offset, symbols: tags[Int64(DT_SYMTAB)])
        offset += Self.entrySize
      }
    }
    if let start = tags[Int64(DT_RELR)], let bytes = tags[Int64(DT_RELRSZ)] {
      try applyRelative(start, bytes)
    }
  }

  private func read(_ dynamic: ELFImage.Segment) -> [Int64: UInt64] {
    var tags: [Int64: UInt64] = [:]
    var at = dynamic.virtualAddress
    while let tag = load(at), let value = load(at &+ 8), tag != 0 {
      if at &- dynamic.virtualAddress >= dynamic.memorySize { break }
      tags[Int64(bitPattern: tag)] = value
      at &+= 16
    }
    return tags
  }

  private func apply(entry: UInt64, symbols: UInt64?) throws(ImageError) {
    guard let place = load(entry), let info = load(entry &+ 8), let addend = load(entry &+ 16)
    else { throw outside(entry) }
    let value: UInt64
    switch Int32(truncatingIfNeeded: info & 0xFFFF_FFFF) {
    case R_X86_64_NONE: return
    case R_X86_64_RELATIVE: value = addend &+ slide
    case R_X86_64_64:
      value = try symbol(info >> 32, symbols) &+ addend
    case R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT:
      value = try symbol(info >> 32, symbols)
    default:
      throw ImageError(
        name, "it has a relocation of type \(info & 0xFFFF_FFFF), which a kernel should not need")
    }
    guard store(place, value) else { throw outside(place) }
  }

  private func symbol(_ index: UInt64, _ symbols: UInt64?) throws(ImageError) -> UInt64 {
    guard let symbols, let value = load(symbols &+ index &* Self.symbolSize &+ 8) else {
      throw ImageError(name, "it has a relocation against symbol \(index), which it lacks")
    }
    return value &+ slide
  }

  /// DT_RELR: an address, or a bitmap of the 63 words behind the last one.
  private func applyRelative(_ start: UInt64, _ bytes: UInt64) throws(ImageError) {
    var next: UInt64 = 0
    var offset: UInt64 = 0
    while offset < bytes {
      guard let word = load(start &+ offset) else { throw outside(start &+ offset) }
      if word & 1 == 0 {
        try move(word)
        next = word &+ 8
      } else {
        for bit in 1..<64 as Range<UInt64> where word >> bit & 1 != 0 {
          try move(next &+ (bit - 1) * 8)
        }
        next &+= 63 * 8
      }
      offset += 8
    }
  }

  private func move(_ place: UInt64) throws(ImageError) {
    guard let value = load(place), store(place, value &+ slide) else { throw outside(place) }
  }

  private func outside(_ address: UInt64) -> ImageError {
    ImageError(name, "its relocations reach \(address.hex), which lies in none of its segments")
  }
}

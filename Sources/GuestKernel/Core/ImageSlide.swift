/// How far from where it is linked the kernel's image runs, with `kaslr` on the command line.
///
/// It is chosen before the image is moved, while no pointer into it may be kept: so nothing here allocates,
/// and what `BootOptions` will read of the line later is read here from the bytes themselves.
package enum ImageSlide {
  /// What a page directory's entry maps.
  package static let step: UInt64 = 2 << 20
  /// The half of the window that belongs to the image; modules are in the other.
  package static let room: UInt64 = 1 << 30

  /// A multiple of `step`, never 0 with `kaslr`; `end` is where the image ends in its window, and `entropy`
  /// stands for the number that is not given.
  package static func choose(
    _ commandLine: UnsafeRawBufferPointer, end: UInt64, entropy: UInt64
  ) -> UInt64 {
    guard let seed = seed(in: commandLine), end < room else { return 0 }
    var mixed = (seed == 0 ? entropy : seed) &* 0x9e37_79b9_7f4a_7c15
    mixed ^= mixed >> 32
    let places = (room - end) / step
    return places == 0 ? 0 : (1 + mixed % places) * step
  }

  /// The number of the last `kaslr=N`, 0 of `kaslr`; nil without it.
  package static func seed(in line: UnsafeRawBufferPointer) -> UInt64? {
    var seed: UInt64?
    var position = 0
    while position < line.count {
      let start = position
      var quote: UInt8 = 0
      while position < line.count {
        let byte = line[position]
        if quote == 0, byte == 0x20 || byte == 0x09 { break }
        if quote == 0, byte == 0x22 || byte == 0x27 {
          quote = byte
        } else if byte == quote {
          quote = 0
        }
        position += 1
      }
      seed = number(line, start..<position) ?? seed
      position += 1
    }
    return seed
  }

  /// What a word says; nil if it is another option.
  private static func number(_ line: UnsafeRawBufferPointer, _ word: Range<Int>) -> UInt64? {
    let name: StaticString = "kaslr"
    let digits = word.lowerBound + name.utf8CodeUnitCount + 1
    guard word.count >= name.utf8CodeUnitCount else { return nil }
    for index in 0..<name.utf8CodeUnitCount
    where line[word.lowerBound + index] != name.utf8Start[index] { return nil }
    if digits > word.upperBound { return 0 }
    guard line[digits - 1] == 0x3d else { return nil }
    guard digits < word.upperBound, word.upperBound - digits <= 6 else { return 1 }
    var value: UInt64 = 0
    for index in digits..<word.upperBound {
      guard line[index] >= 0x30, line[index] <= 0x39 else { return 1 }
      value = value * 10 + UInt64(line[index] - 0x30)
    }
    return value
  }
}

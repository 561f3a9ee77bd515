/// Makes cases at random: the same ones for the same seed.
package struct CaseGenerator {
  package enum Mode: String, CaseIterable, Sendable {
    /// From the templates, with operands that mean something.
    case structured
    /// Opcodes and everything behind them from the generator's bits.
    case bytes
  }

  private var random: SplitMix64
  private let width: Width
  private let disassembler: Disassembler
  private let templates: [Template]
  private let modes: [Mode]
  private let maximumLength: Int
  private let imageCount = 8
  private let allowsX87: Bool

  package init(
    seed: UInt64, width: Width = .long, groups: [Template.Group] = Template.Group.allCases,
    modes: [Mode] = Mode.allCases,
    maximumLength: Int = 8
  ) {
    random = SplitMix64(seed: seed)
    self.width = width
    disassembler = Disassembler(width)
    self.modes = modes
    self.maximumLength = maximumLength
    allowsX87 = groups.contains(.x87)
    templates = groups.flatMap { group in
      switch group {
      case .integer:
        IntegerTemplates.all + IntegerTemplates.all
          + (width == .long ? [] : CompatibilityTemplates.all + CompatibilityTemplates.all)
      case .sse: SSETemplates.all + SSETemplates.all
      case .avx: VEXTemplates.all + VEXTemplates.all
      case .x87: X87Templates.all
      case .mmx: MMXTemplates.all
      }
    }
  }

  /// The next batch of `count` cases, all with masks that allow a comparison.
  package mutating func batch(count: Int) -> (batch: Batch, masks: [Masks]) {
    let images = (0..<imageCount).map { _ in image() }
    var cases: [Case] = []
    var masks: [Masks] = []
    var disassembler = disassembler
    while cases.count < count {
      let item = random.pick(modes) == .structured ? structured() : bytes()
      guard var item, let mask = Masks(of: item, disassembler: &disassembler) else { continue }
      // Neighbours share an image, so that it is not copied for each of them.
      item.image = cases.count * imageCount / count
      cases.append(item)
      masks.append(mask)
    }
    return (Batch(images: images, cases: cases), masks)
  }

  private mutating func structured() -> Case? {
    let length = random.oneIn(2) ? 1 : 1 + random.below(maximumLength)
    var builder = SequenceBuilder(
      random: SplitMix64(seed: random.next()), disassembler: disassembler, length: length,
      width: width)
    while builder.starts.count < length && builder.code.count < 100 {
      let template = builder.random.pick(templates)
      _ = builder.append(template)
    }
    builder.finish()
    if Scope.mayCallSystem(builder.code) { return nil }
    return Case(
      code: builder.code,
      before: state(builder.chooser.plan.initial, indices: builder.chooser.plan.indexVectors),
      image: 0)
  }

  /// Random instructions over the one-byte, 0F, 0F 38 and 0F 3A maps.
  private mutating func bytes() -> Case? {
    var disassembler = disassembler
    var code: [UInt8] = []
    var savesComponents = false
    for _ in 0..<(random.oneIn(2) ? 1 : 1 + random.below(3)) {
      let start = code.count
      code += instructionBytes()
      let decoded = disassembler.decode(Array(code[start...]))
      if !allowsX87 && Scope.isX87(decoded, Array(code[start...])) { return nil }
      guard let decoded else { break }
      code.removeSubrange((start + decoded.length)...)
      if !Scope.includes(decoded, code: code[start...], width: width) { return nil }
      if decoded.isaSet.hasPrefix("XSAVE") { savesComponents = true }
    }
    if Scope.mayCallSystem(code) { return nil }
    var plan = [UInt64?](repeating: nil, count: 16)
    for register in 0..<width.registerCount where random.oneIn(2) || register == 4 {
      plan[register] = DataImage.address &+ UInt64(128 + random.below(DataImage.size - 256))
      if !random.oneIn(3) { plan[register]? &= ~15 }
    }
    if savesComponents { plan[0] = random.next() & Masks.comparableComponents }
    return Case(code: code, before: state(plan), image: 0)
  }

  private mutating func instructionBytes() -> [UInt8] {
    var bytes: [UInt8] = []
    while random.oneIn(4) {
      bytes.append(
        random.pick([0x66, 0x66, 0xF2, 0xF3, 0xF3, 0xF0, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65, 0x67]))
    }
    let isVEX = random.oneIn(8)
    if !isVEX && width == .long && random.oneIn(3) { bytes.append(0x40 | UInt8(random.below(16))) }
    switch isVEX ? -1 : random.below(20) {
    case -1:
      // Outside 64-bit mode anything but ones in bits 7:6 makes it LDS or LES.
      let inverted: UInt8 = width == .long || random.oneIn(8) ? 0 : 0xC0
      bytes +=
        random.oneIn(2)
        ? [0xC5, random.byte() | inverted]
        : [0xC4, random.byte() & 0xE0 | UInt8(1 + random.below(3)) | inverted, random.byte()]
      bytes.append(random.byte())
    case 0, 1: bytes += [0x0F, 0x38, random.byte()]
    case 2: bytes += [0x0F, 0x3A, random.byte()]
    case 3...9: bytes += [0x0F, random.byte()]
    default: bytes.append(random.byte())
    }
    bytes.append(random.byte())
    bytes.append(random.byte())
    let displacement = random.oneIn(2) ? UInt64(random.below(128)) : random.next()
    bytes += MemoryOperandChooser.bytes(displacement)
    return Array((bytes + MemoryOperandChooser.bytes(random.next())).prefix(15))
  }

  /// A state in which the registers of `plan` hold what it says, and the rest what comes.
  private mutating func state(_ plan: [UInt64?], indices: Set<Int> = []) -> UserState {
    var state = UserState(width)
    for register in 0..<width.registerCount {
      state.registers[register] = (plan[register] ?? integer()) & width.mask
    }
    if width == .compatibility { chooseSegments(&state) }
    state.rflags |= random.next() & FlagBits.status
    if random.oneIn(8) { state.rflags |= FlagBits.df }
    if random.oneIn(40) { state.rflags |= random.pick([1 << 14, 1 << 18, 1 << 21]) }
    fillX87(&state)
    fillSSE(&state)
    for register in indices {
      state[xmm: register] = SIMD2(random.indices(), random.indices())
      state[ymmHigh: register] = SIMD2(random.indices(), random.indices())
    }
    return state
  }

  private mutating func integer() -> UInt64 {
    width == .compatibility && random.oneIn(8) ? random.selector() : random.integer()
  }

  /// Flat data segments, mostly, for the generator's addresses are linear.
  private mutating func chooseSegments(_ state: inout UserState) {
    for register in [0, 3, 4, 5] where random.oneIn(16) {
      state.segments[register] = random.pick(UserSegments.dataSelectors)
    }
    state.takeSegmentBases()
  }

  private mutating func fillX87(_ state: inout UserState) {
    if random.oneIn(3) { state.fcw = 0x40 | 0x3F | UInt16(random.below(64)) << 8 & 0x1F00 }
    if random.oneIn(16) { state.fcw = 0x40 | UInt16(truncatingIfNeeded: random.next()) & 0x1F3F }
    var status = UInt16(random.below(8)) << 11
    if random.oneIn(2) { status |= UInt16(truncatingIfNeeded: random.next()) & 0x4700 }
    if random.oneIn(4) { status |= UInt16(truncatingIfNeeded: random.next()) & 0x7F }
    if status & ~state.fcw & 0x3F != 0 { status |= 0x8080 }
    state.fsw = status
    state.ftw = random.oneIn(3) ? random.byte() : 0xFF
    for register in 0..<8 { state[st: register] = random.extended() }
  }

  private mutating func fillSSE(_ state: inout UserState) {
    var control: UInt32 = 0x1F80 | UInt32(random.below(4)) << 13
    if random.oneIn(8) { control |= 0x8000 }
    if random.oneIn(8) { control |= 0x0040 }
    if random.oneIn(4) { control |= UInt32(random.below(64)) }
    if random.oneIn(12) { control &= ~(UInt32(random.below(64)) << 7) }
    state.mxcsr = control
    for register in 0..<16 {
      state[xmm: register] = SIMD2(quadword(), quadword())
      if !random.oneIn(8) { state[ymmHigh: register] = SIMD2(quadword(), quadword()) }
    }
  }

  private mutating func quadword() -> UInt64 {
    switch random.below(5) {
    case 0: random.integer()
    case 1: random.text()
    case 2: UInt64(random.single()) | UInt64(random.single()) << 32
    default: random.double()
    }
  }

  /// Data that looks like every kind of operand; an FXSAVE image stands first.
  private mutating func image() -> DataImage {
    var image = DataImage()
    for offset in stride(from: 0, to: DataImage.size, by: 8) {
      image[quadword: offset] = random.oneIn(width == .long ? 8 : 4) ? pointer() : quadword()
    }
    for _ in 0..<200 {
      let offset = 512 + random.below(DataImage.size - 512 - 16)
      let value = random.extended()
      image[quadword: offset] = value.significand
      image.bytes[offset + 8] = UInt8(truncatingIfNeeded: value.signExponent)
      image.bytes[offset + 9] = UInt8(truncatingIfNeeded: value.signExponent &>> 8)
    }
    let saved = state([UInt64?](repeating: nil, count: 16))
    for offset in 0..<512 { image.bytes[offset] = saved.fx[offset] }
    for offset in stride(from: 512, to: 576, by: 8) {
      image[quadword: offset] = random.oneIn(60) ? random.next() : 0
    }
    image[quadword: 512] = UInt64(random.below(8))
    return image
  }

  /// An address of code; for 32-bit code also of data, with a selector or another address above it.
  private mutating func pointer() -> UInt64 {
    if width == .long { return random.codeAddress() }
    let low =
      random.oneIn(2) ? random.codeAddress() : DataImage.address + UInt64(random.below(4096))
    return random.oneIn(3)
      ? random.selector() | random.selector() << 32
      : low | (random.oneIn(2) ? random.selector() : random.codeAddress()) << 32
  }
}

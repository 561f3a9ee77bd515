/// Assembles a short sequence of instructions from templates, choosing registers as it goes.
struct SequenceBuilder {
  var chooser: MemoryOperandChooser
  var code: [UInt8] = []
  /// Where each instruction starts.
  var starts: [Int] = []
  private var branches: [(position: Int, size: Int, instruction: Int, isLoop: Bool)] = []
  private var disassembler: Disassembler
  private let allowsEnvironment: Bool
  private let width: Width

  var random: SplitMix64 {
    get { chooser.random }
    set { chooser.random = newValue }
  }

  init(random: SplitMix64, disassembler: Disassembler, length: Int, width: Width) {
    chooser = MemoryOperandChooser(random: random, width: width)
    self.width = width
    self.disassembler = disassembler
    allowsEnvironment = length == 1
    chooser.plan.initial[4] =
      DataImage.address &+ UInt64(256 + chooser.random.below(DataImage.size - 768))
    if !chooser.random.oneIn(6) { chooser.plan.initial[4]? &= ~7 }
  }

  /// Appends an instruction made from `template`; false where it came out as one not compared.
  mutating func append(_ template: Template) -> Bool {
    if template.words.contains("environment") && !allowsEnvironment { return false }
    prepare(template)
    let start = code.count
    let before = chooser.plan
    encode(template, start: start)
    guard code.count - start <= 15, let decoded = disassembler.decode(Array(code[start...])) else {
      return keepUndecodable(start: start, plan: before)
    }
    guard decoded.length == code.count - start,
      Scope.includes(decoded, code: code[start...], width: width)
    else {
      code.removeSubrange(start...)
      branches.removeAll { $0.position >= start }
      chooser.plan = before
      return false
    }
    starts.append(start)
    chooser.plan.written.formUnion(decoded.writtenRegisters)
    return true
  }

  /// Bytes that are no instruction are worth running, but only as the last thing.
  private mutating func keepUndecodable(start: Int, plan: RegisterPlan) -> Bool {
    if code.count - start <= 15 && random.oneIn(4) {
      starts.append(start)
      return true
    }
    code.removeSubrange(start...)
    branches.removeAll { $0.position >= start }
    chooser.plan = plan
    return false
  }

  /// Resolves branches between the instructions of the sequence.
  mutating func finish() {
    let ends = starts + [code.count]
    for branch in branches {
      let next = ends[branch.instruction + 1]
      let isBackward = branch.isLoop && branch.instruction > 0 && random.oneIn(2)
      let target =
        isBackward
        ? ends[random.below(branch.instruction + 1)]
        : ends[branch.instruction + 1 + random.below(ends.count - branch.instruction - 1)]
      let displacement = MemoryOperandChooser.bytes(Int32(target - next))
      code.replaceSubrange(
        branch.position..<branch.position + branch.size, with: displacement.prefix(branch.size))
    }
  }

  /// Gives the registers that `template` uses without naming them values that make it work.
  private mutating func prepare(_ template: Template) {
    let words = template.words
    if words.isEmpty { return }
    if words.contains("string") {
      assign(6, chooser.target(aligned: false))
      assign(7, chooser.target(aligned: false))
      assign(1, random.oneIn(12) ? random.integer() & 0xFFFF : UInt64(random.below(24)))
    }
    if words.contains("shift") { assign(1, random.integer() & 0xFF | random.next() & ~0xFF) }
    if words.contains("count") { assign(1, UInt64(random.below(5))) }
    if words.contains("lengths") {
      for register in [0, 2] {
        let length = UInt64(random.below(20))
        assign(
          register, random.oneIn(4) ? random.integer() : random.oneIn(3) ? 0 &- length : length)
      }
    }
    if words.contains("xsave") {
      // Bits 3 and 4 name components that no host of these tests has.
      assign(0, random.oneIn(20) ? 0x1F : UInt64(random.below(8)))
      assign(2, 0)
    }
    if words.contains("selector") && random.oneIn(2) { assign(0, random.selector()) }
    if words.contains("leave") { assign(5, chooser.target(aligned: false)) }
    if words.contains("rdi") { assign(7, chooser.target(aligned: false)) }
    if words.contains("xlat") { assign(3, chooser.target(aligned: false) & ~0xFF) }
    if words.contains("divide") && !random.oneIn(4) {
      let dividend = random.integer()
      assign(0, dividend)
      assign(2, random.oneIn(2) ? 0 : UInt64(bitPattern: Int64(bitPattern: dividend) >> 63))
    }
  }

  private mutating func assign(_ register: Int, _ value: UInt64) {
    if chooser.plan.isFree(register) { chooser.plan.initial[register] = value & width.mask }
  }

  private mutating func encode(_ template: Template, start: Int) {
    var prefixes = choosePrefixes(template)
    var rex: UInt8 =
      width == .compatibility ? 0 : random.oneIn(3) ? 0x48 : random.oneIn(6) ? 0x40 : 0
    var opcode = template.opcode
    var operand: EncodedOperand?
    if template.registerInOpcode {
      let register = random.below(width.registerCount)
      opcode[opcode.count - 1] |= UInt8(register & 7)
      if register > 7 { rex |= 0x41 }
    } else if template.modRM != .none {
      operand = chooseOperand(template, rex: &rex)
      prefixes += operand?.prefixes ?? []
    }
    if template.words.contains("branch") { prefixes.removeAll { $0 == 0x66 } }
    let hasLock =
      template.words.contains("lock") && (operand?.modRM ?? 0xC0) < 0xC0 && random.oneIn(6)
    if hasLock || random.oneIn(150) { prefixes.append(0xF0) }
    if random.oneIn(2) { prefixes.reverse() }
    if template.isVEX {
      code += prefixes
      appendVEX(template, rex: rex)
    } else {
      if let mandatory = template.mandatoryPrefix { prefixes.append(mandatory) }
      code += prefixes
      if rex != 0 { code.append(rex) }
      code += opcode
    }
    if let operand {
      code.append(operand.modRM)
      code += operand.tail
    }
    let operandEnd = code.count
    appendImmediate(
      template, isWide: rex & 8 != 0, isNarrow: code[start..<operandEnd].prefix(4).contains(0x66),
      hasShortAddress: prefixes.contains(0x67))
    if let operand, let relative = operand.relative {
      patch(operandEnd - operand.tail.count + relative.offset, to: relative.target)
    }
  }

  /// The VEX prefix and the opcode behind it, with what `rex` asks for; the rest comes as it comes.
  private mutating func appendVEX(_ template: Template, rex: UInt8) {
    let opcode = template.opcode
    let map: UInt8 = opcode.count < 3 ? 1 : (opcode[1] == 0x38 ? 2 : 3)
    let pp: UInt8 =
      switch template.mandatoryPrefix {
      case 0x66: 1
      case 0xF3: 2
      case 0xF2: 3
      default: 0
      }
    let isWide = random.oneIn(2)
    let vvvv: UInt8 = random.oneIn(2) ? 0 : UInt8(random.below(width.registerCount))
    let last = (~vvvv & 15) << 3 | (random.oneIn(2) ? 4 : 0) | pp
    if width == .long && random.oneIn(400) { code.append(0x48) }
    if map == 1 && rex & 3 == 0 && !isWide && random.oneIn(2) {
      code += [0xC5, (~rex & 4) << 5 | last]
    } else {
      let strange = random.oneIn(300) ? random.byte() & 0x1F : map
      code += [0xC4, (~rex & 7) << 5 | strange, (isWide ? 0x80 : 0) | last]
    }
    code.append(opcode[opcode.count - 1])
  }

  private mutating func patch(_ position: Int, to target: UInt64) {
    let end = UserState.defaultRIP &+ UInt64(code.count)
    let displacement = Int32(truncatingIfNeeded: target &- end)
    code.replaceSubrange(position..<position + 4, with: MemoryOperandChooser.bytes(displacement))
  }

  private mutating func choosePrefixes(_ template: Template) -> [UInt8] {
    var prefixes: [UInt8] = []
    let isPlain = template.group == .integer && template.mandatoryPrefix == nil
    if random.oneIn(isPlain ? 5 : 100) { prefixes.append(0x66) }
    if template.words.contains("string") {
      if !random.oneIn(3) { prefixes.append(random.oneIn(3) ? 0xF2 : 0xF3) }
      if random.oneIn(16) { prefixes.append(random.pick([0x64, 0x65, 0x2E, 0x67])) }
    } else if random.oneIn(100) {
      prefixes.append(random.pick([0xF2, 0xF3, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65, 0x67]))
    }
    return prefixes
  }

  /// A ModRM operand, its REG field included.
  private mutating func chooseOperand(_ template: Template, rex: inout UInt8) -> EncodedOperand {
    var register = random.below(width.registerCount)
    if case .digit(let digit) = template.modRM {
      register = Int(digit) + (width == .long && random.oneIn(16) ? 8 : 0)
    }
    let isMemory: Bool
    switch template.operand {
    case .any: isMemory = random.oneIn(2)
    case .register: isMemory = false
    case .memory: isMemory = true
    }
    var operand: EncodedOperand
    if isMemory {
      let target = address(template, register: register)
      operand =
        template.words.contains("vsib") ? chooser.encodeVSIB(target) : chooser.encode(target)
    } else {
      let other = random.below(width.registerCount)
      if template.words.contains("target") && random.oneIn(2) {
        assign(other, random.codeAddress())
      }
      if template.words.contains("selector") && !random.oneIn(4) {
        assign(other, random.selector())
      }
      operand = EncodedOperand(modRM: 0xC0 | UInt8(other & 7), rexB: other > 7)
    }
    operand.modRM |= UInt8(register & 7) << 3
    if register > 7 { rex |= 0x44 }
    if operand.rexX { rex |= 0x42 }
    if operand.rexB { rex |= 0x41 }
    return operand
  }

  private mutating func address(_ template: Template, register: Int) -> UInt64 {
    let words = template.words
    if words.contains("anywhere") && random.oneIn(2) { return random.integer() }
    if words.contains("bit") && !random.oneIn(6) {
      assign(register, UInt64(bitPattern: Int64(random.below(16384) - 8192)))
      return DataImage.address &+ UInt64(2048 + random.below(4096))
    }
    if words.contains("fxrstor") && !random.oneIn(4) { return DataImage.address }
    if words.contains("xsave") && !random.oneIn(10) {
      return DataImage.address &+ UInt64(random.below(100)) &* 64
    }
    if (words.contains("mxcsr") || words.contains("control")) && !random.oneIn(6) {
      return DataImage.address &+ (words.contains("mxcsr") ? 24 : 0)
    }
    return chooser.target(aligned: words.contains("wide") || words.contains("aligned"))
  }

  private mutating func appendImmediate(
    _ template: Template, isWide: Bool, isNarrow: Bool, hasShortAddress: Bool
  ) {
    let count: Int
    var value = random.integer()
    switch template.immediate {
    case .none: return
    case .byte:
      count = 1
      if template.words.contains("count") { value = UInt64(random.below(70)) }
    case .word:
      count = 2
      if random.oneIn(2) { value = UInt64(random.below(64)) }
    case .doubleword: count = 4
    case .sized: count = isWide || !isNarrow ? 4 : 2
    case .full: count = isWide ? 8 : isNarrow ? 2 : 4
    case .offset:
      count = (hasShortAddress ? 4 : 8) / (width == .long ? 1 : 2)
      value = chooser.target(aligned: false)
    case .far:
      count = isNarrow ? 4 : 6
      value = random.codeAddress() & (isNarrow ? 0xFFFF : .max)
      value |= UInt64(random.pick(UserSegments.selectors)) << UInt64(8 * (count - 2))
    case .enter:
      count = 3
      value = UInt64(random.below(200)) | UInt64(random.below(6)) << 16
    case .near8, .near32:
      count = template.immediate == .near8 ? 1 : 4
      let isLoop = template.words.contains("count") && !chooser.plan.written.contains(1)
      branches.append((code.count, count, starts.count, isLoop))
    }
    code += MemoryOperandChooser.bytes(value).prefix(count)
  }
}

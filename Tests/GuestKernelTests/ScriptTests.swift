import GuestKernel
import Testing

private let names = ["event", "thread", "cpu", "a", "b", "c"].map { Array($0.utf8) }

private func evaluate(_ text: String, _ context: ScriptContext) throws -> UInt64 {
  try ScriptProgram(try ScriptCompiler.compile(Array(text.utf8), names: names)).run(context)
}

@Suite struct ScriptTests {
  private let context: ScriptContext = [7, 2, 1, 10, 20, 0, 0, 0]

  @Test(arguments: [
    ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("a == 10", 1), ("a == 10 && b == 21", 0),
    ("a == 11 || b == 20", 1), ("thread > 1 && cpu < 1", 0), ("b / a", 2), ("b % 3", 2),
    ("a / c", 0), ("1 << 4 | 1", 17), ("b & 4", 4), ("a ^ a", 0), ("a != 10", 0), ("a >= 10", 1),
    ("a <= 9", 0), ("0x10", 16), ("count(3) && a == 10", 1), ("b - a - 5", 5),
  ])
  func expressions(text: String, value: UInt64) throws {
    #expect(try evaluate(text, context) == value)
  }

  @Test func countersCount() throws {
    let code = try ScriptCompiler.compile(Array("a > 5 && count(2)".utf8), names: names)
    let program = try ScriptProgram(code)
    for value in 0..<10 as Range<UInt64> { _ = program.run([0, 0, 0, value, 0, 0, 0, 0]) }
    #expect(program.counters[2] == 4)
    #expect(program.runs == 10)
  }

  @Test(arguments: ["a ==", "(a", "b c", "nothing", "", "5000000000", "count(99)", "a = b"])
  func whatIsNotUnderstood(text: String) {
    #expect(throws: ScriptCompiler.Failure.self) {
      try ScriptCompiler.compile(Array(text.utf8), names: names)
    }
  }

  @Test func theVerifierRefuses() {
    typealias I = ScriptInstruction
    let exit = I(.exit)
    let zero = I(.move)
    let cases: [([I], ScriptError)] = [
      ([], .empty),
      ([exit], .uninitializedRegister(0)),
      ([zero], .noExit(0)),
      ([zero, I(.jump, offset: 5), exit], .jumpOutside(1)),
      ([zero, I(.jump, offset: 1), zero, exit], .unreachable(2)),
      ([I(.move, target: 10), exit], .badRegister(0)),
      ([zero, I(.add, source: 3), exit], .uninitializedRegister(1)),
      ([I(.loadStack, offset: 1), exit], .uninitializedSlot(0)),
      ([I(.loadContext, offset: 8), exit], .badOffset(0)),
      ([I(.storeStack, value: 1), I(.loadStack, offset: 16), exit], .badOffset(1)),
      (Array(repeating: zero, count: 200) + [exit], .tooLong),
    ]
    for (code, error) in cases {
      #expect(throws: error) { try ScriptVerifier.check(code) }
    }
    // A register that only one of two ways writes.
    let halfWritten = [
      zero, I(.jumpEqual, offset: 1, value: 1), I(.move, target: 1), I(.add, source: 1), exit,
    ]
    #expect(throws: ScriptError.uninitializedRegister(3)) { try ScriptVerifier.check(halfWritten) }
    var unknown = zero
    unknown.operation = 99
    #expect(throws: ScriptError.unknownOperation(0)) { try ScriptVerifier.check([unknown, exit]) }
  }

  /// Whatever the verifier lets through ends, and reads nothing it must not: a trap would end the test.
  @Test func acceptedProgramsAreHarmless() {
    var generator = SystemRandomNumberGenerator()
    var accepted = 0
    for round in 0..<60_000 {
      var code: [ScriptInstruction] = [ScriptInstruction(.move, value: 1)]
      for _ in 0..<Int.random(in: 1...12, using: &generator) {
        var i = ScriptInstruction(.move)
        i.operation = .random(in: 0...(round % 8 == 0 ? 40 : 22), using: &generator)
        i.target = .random(in: 0...2, using: &generator)
        i.source = Bool.random(using: &generator) ? 255 : .random(in: 0...2, using: &generator)
        i.offset = .random(in: 0...(round % 8 == 1 ? 255 : 4), using: &generator)
        i.value = .random(in: -3...70, using: &generator)
        code.append(i)
      }
      code.append(ScriptInstruction(.exit))
      guard let program = try? ScriptProgram(code) else { continue }
      accepted += 1
      _ = program.run([1, 2, 3, .max, 5, 6, 7, 8])
    }
    #expect(accepted > 100)
  }
}

@Suite struct TracingTests {
  @Test func theRingKeepsTheNewest() {
    let ring = TraceRing(capacity: 4)
    for time in 0..<6 as Range<UInt64> {
      ring.append(TraceRecord(time: time, event: 0, cpu: 0, thread: 0, a: 0, b: 0, c: 0))
    }
    #expect(ring.lost == 2)
    #expect(ring[1] == nil)
    #expect(ring[2]?.time == 2)
    #expect(ring[5]?.time == 5)
    #expect(ring[6] == nil)
  }

  @Test func ringsMergeByTime() {
    let rings = [TraceRing(capacity: 8), TraceRing(capacity: 8)]
    for (cpu, times) in [[1, 4, 5], [2, 3, 9]].enumerated() {
      for time in times {
        rings[cpu].append(
          TraceRecord(
            time: UInt64(time), event: 0, cpu: UInt8(cpu), thread: 0, a: 0, b: 0, c: 0))
      }
    }
    var times: [UInt64] = []
    TraceRing.merge(rings) { times.append($0.time) }
    #expect(times == [1, 2, 3, 4, 5, 9])
  }

  @Test func messagesAreRateLimited() {
    var limit = RateLimit(interval: 100, burst: 2)
    #expect(limit.allows(at: 0) == (true, 0))
    #expect(limit.allows(at: 1) == (true, 0))
    #expect(limit.allows(at: 2).passes == false)
    #expect(limit.allows(at: 99).passes == false)
    #expect(limit.allows(at: 100) == (true, 2))
  }

  @Test(
    arguments: [
      ([0x55, 0x48, 0x89, 0xe5, 0, 0, 0, 0], 1), ([0x41, 0x57, 0, 0, 0, 0, 0, 0], 2),
      ([0x48, 0x83, 0xec, 0x18, 0, 0, 0, 0], 4), ([0x48, 0x81, 0xec, 0, 1, 0, 0, 0], 7),
      ([0x31, 0xc0, 0, 0, 0, 0, 0, 0], 2), ([0xe8, 0, 0, 0, 0, 0, 0, 0], nil),
      ([0x48, 0x8b, 0x05, 0, 0, 0, 0, 0], nil), ([0x48, 0x83, 0x3d, 0, 0, 0, 0, 0], nil),
    ] as [([UInt8], Int?)])
  func movableInstructions(bytes: [UInt8], length: Int?) {
    #expect(ProbeInstruction.length(bytes) == length)
  }

  @Test func debuggerPackets() {
    var packet = DebuggerPacket("T05thread:")
    packet.append(number: 2)
    packet.append(";")
    #expect(packet.framed == Array("$T05thread:2;#d8".utf8))
    var reader = DebuggerPacket.Reader()
    var events: [DebuggerPacket.Reader.Event] = []
    for byte in Array("+$m10,4#2e$g#00".utf8) + [0x03] {
      let event = reader.take(byte)
      if event != .nothing { events.append(event) }
    }
    #expect(events.count == 3)
    #expect(events.last == .interrupt)
    #expect(events[1] == .damaged)
    #expect(events[0] == .packet(Array("m10,4".utf8)))
    var position = 1
    #expect(DebuggerPacket.number(Array("m1f,".utf8), &position) == 0x1f)
    #expect(position == 3)
    #expect(DebuggerPacket.bytes(Array("0a0B".utf8), from: 0) == [10, 11])
    #expect(DebuggerPacket.bytes(Array("0a0".utf8), from: 0) == nil)
  }
}

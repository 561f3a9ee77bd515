import Debugger
import Emulator
import Testing

/// Each form of a trace read back, and what damaged ones are called.
@Suite struct TraceFormatTests {
  /// FIPS 180-4 examples, as published with the standard.
  @Test func digestsAreTheStandards() {
    #expect(
      SHA256.hex(Array("abc".utf8))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      SHA256.hex([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
      SHA256.hex(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    #expect(
      SHA256.hex([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func binaryRoundTrip() throws {
    var input = InputLog()
    input.append(InputLog.Entry(instructionCount: 0, time: 0, port: 0, bytes: [0, 0x22, 0x5C, 10]))
    var trace = try Guest.apus("hello; crash null; poweroff").record(input: input) {
      $0.kinds = EventKinds(EventKinds.names.map(\.kinds).filter { $0 != .call })
      $0.recordsFlow = true
      $0.recordsDeltas = true
      $0.limit = 300_000
    }
    trace.embedded = [SHA256.hex([1, 2, 3]): [1, 2, 3]]
    #expect(trace.eventCount > 0 && trace.digests.count == 4)
    #expect(!trace.flow.isEmpty && !trace.deltas.isEmpty)
    let again = try Trace(trace.binary(), name: "t")
    #expect(again == trace)
    #expect(again.decodedEvents().count == trace.eventCount)
  }

  @Test(arguments: TraceMode.allCases)
  func textRoundTrip(mode: TraceMode) throws {
    let trace = try Guest.apus("hello; crash null; poweroff").record { $0.mode = mode }
    let text = trace.golden()
    #expect(text.contains("powered off"))
    let again = try Trace(Array(text.utf8), name: "t")
    #expect(again.lines().map(\.text) == trace.lines().map(\.text))
    #expect(again.end == trace.end && again.machine == trace.machine)
    #expect(again.golden() == text)
    #expect(text.allSatisfy { $0 == "\n" || ($0.isASCII && !$0.isNewline) })
  }

  /// Deltas give back what every instruction did, on several processors.
  @Test(arguments: [1, 2])
  func deltasRoundTrip(processors: Int) throws {
    let guest = try Guest.apus("hello; mem; poweroff", processors: processors)
    let trace = try guest.record {
      $0.recordsDeltas = true
      $0.start = .count(100_000)
      $0.limit = 250_000
    }
    let machine = try guest.description.makeMachine(guest.source)
    Guest.run(machine, to: 100_000)
    var decoder = DeltaDecoder(trace.deltas, processors: processors)
    var count = 0
    machine.weave(.instructions) { instruction, _ in
      guard let delta = decoder.next() else { return }
      count += 1
      guard delta.rip == instruction.rip, delta.processor == instruction.processor,
        delta.flags == instruction.cpu.rflags.rawValue,
        (0..<16).allSatisfy({ delta.registers[$0] == instruction.cpu[$0] })
      else {
        Issue.record("instruction \(count) at \(instruction.rip) was decoded as \(delta)")
        return machine.requestStop()
      }
      for store in delta.stores where instruction.isFaulting == false {
        let value = machine.read(linear: store.address, count: Int(store.count))
        #expect(value?.reversed().reduce(0) { $0 << 8 | UInt64($1) } == store.value)
      }
    }
    Guest.run(machine, to: 250_000)
    #expect(count > 50_000)
    #expect(decoder.next() == nil && !decoder.isDamaged)
  }

  /// Flow gives back where every instruction was.
  @Test func flowRoundTrip() throws {
    let guest = try Guest.apus("hello; poweroff")
    let trace = try guest.record {
      $0.recordsFlow = true
      $0.limit = 200_000
    }
    let machine = try guest.description.makeMachine(guest.source)
    var decoder = FlowDecoder(trace.flow)
    var left: UInt64 = 0
    var runs = 0
    machine.weave(.instructions) { instruction, _ in
      if left == 0 {
        let run = decoder.next()
        runs += 1
        #expect(run?.start == instruction.rip)
        left = run?.count ?? 1
      }
      left -= 1
    }
    Guest.run(machine, to: 200_000)
    #expect(runs > 10_000 && left == 0)
    #expect(decoder.next() == nil && !decoder.isDamaged)
  }

  @Test func damagedTracesAreNamedInOneSentence() throws {
    let bytes = try Guest.apus("hello; poweroff").record { $0.limit = 100_000 }.binary()
    let text = Array(try Guest.apus("hello; poweroff").record { $0.limit = 100_000 }.golden().utf8)
    var numbers = SeededNumbers(seed: 7)
    var refused = 0
    for original in [bytes, text] {
      for _ in 0..<400 {
        var broken = original
        switch numbers.next() % 3 {
        case 0: broken.removeLast(Int(numbers.next() % UInt64(broken.count)))
        case 1:
          for _ in 0...numbers.next() % 4 {
            broken[Int(numbers.next() % UInt64(broken.count))] = UInt8(numbers.next() & 0xFF)
          }
        default:
          let at = Int(numbers.next() % UInt64(broken.count))
          broken.insert(contentsOf: [UInt8(numbers.next() & 0xFF), 0x0A], at: at)
        }
        do {
          let trace = try Trace(broken, name: "broken.etr")
          // What can be read can be shown, and its tracks be decoded, whatever they say.
          _ = trace.lines(symbols: SymbolTable(nil as ELFImage?))
        } catch {
          refused += 1
          #expect(error.description.hasPrefix("broken.etr"))
          #expect(!error.description.contains("\n") && error.description.count < 200)
        }
      }
    }
    #expect(refused > 300)
  }

  @Test func randomTracksNeverTrap() {
    var numbers = SeededNumbers(seed: 11)
    for _ in 0..<2000 {
      let bytes = (0..<Int(numbers.next() % 200)).map { _ in UInt8(numbers.next() & 0xFF) }
      var deltas = DeltaDecoder(bytes, processors: 2)
      var flow = FlowDecoder(bytes)
      var count = 0
      while deltas.next() != nil, count < 100_000 { count += 1 }
      while flow.next() != nil, count < 200_000 { count += 1 }
      #expect(count < 200_000)
    }
  }
}

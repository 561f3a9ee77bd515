import Debugger
import Emulator
import TestImages
import Testing

/// Packets and their replies.
@Suite struct GDBServerTests {
  /// MOV EAX, 5; next: INC DWORD [110000h]; JMP next.
  static let counting: [UInt8] = [
    0xB8, 5, 0, 0, 0, 0xFF, 0x04, 0x25, 0, 0, 0x11, 0, 0xEB, 0xF7,
  ]
  private static let rip = 16

  private func client(_ code: [UInt8] = counting, processors: Int = 1) throws -> GDBClient {
    GDBClient(try Guests.bare(code, processors: processors))
  }

  private func load(_ client: GDBClient, _ address: UInt64) -> UInt64 {
    client.machine.read(linear: address) ?? 0
  }

  // MARK: Registers

  @Test func registersAreReadAndWritten() throws {
    let client = try client()
    #expect(client.register(Self.rip) == 0x10_0000)
    #expect(client.ask("P0=8877665544332211") == "OK")
    #expect(client.machine.processor.cpu[.rax] == 0x1122_3344_5566_7788)
    #expect(client.ask("p0") == "8877665544332211")
    // XMM0 is behind 24 integer and 16 floating-point registers.
    #expect(client.ask("P28=000102030405060708090a0b0c0d0e0f") == "OK")
    #expect(client.machine.processor.cpu.state.pointee.xmm[1] == 0x0F0E_0D0C_0B0A_0908)
    #expect(client.ask("P10=0500100000000000") == "OK")
    #expect(client.machine.processor.cpu.state.pointee.rip == 0x10_0005)
    for packet in ["pffff", "p", "P0=00", "P0", "Pffff=00", "P0=xx"] {
      #expect(client.ask(packet) == "E16", "\(packet)")
    }
  }

  @Test func allRegistersTogetherAreTheOnesAlone() throws {
    let client = try client()
    let all = client.ask("g")
    var single = ""
    var number = 0
    while case let one = client.ask("p\(String(number, radix: 16))"), !one.hasPrefix("E") {
      single += one
      number += 1
    }
    #expect(all == single)
    #expect(number > 100)
    #expect(client.ask("G" + all) == "OK")
    #expect(client.ask("g") == all)
    #expect(client.ask("G" + "11" + all.dropFirst(2)) == "OK")
    #expect(client.register(0) & 0xFF == 0x11)
    #expect(client.ask("G1") == "E16")
  }

  @Test func everyRegisterOfTheDescriptionTakesItsOwnValue() throws {
    let client = try client()
    for number in 0..<200 {
      let name = String(number, radix: 16)
      let value = client.ask("p\(name)")
      guard !value.hasPrefix("E") else { break }
      #expect(client.ask("P\(name)=\(value)") == "OK", "register \(number)")
      #expect(client.ask("p\(name)") == value, "register \(number)")
    }
  }

  @Test func theProcessorRefusesWhatItWouldRefuse() throws {
    let client = try client()
    let text = description(client)
    let cr0 = try #require(number(of: "cr0", in: text))
    // Paging without protection.
    #expect(client.ask("P\(cr0)=0000008000000000") == "E16")
    let efer = try #require(number(of: "efer", in: text))
    #expect(client.ask("P\(efer)=0000000000000000") == "E16")
    let cs = try #require(number(of: "cs", in: text))
    #expect(client.ask("P\(cs)=ffff0000") == "E16")
  }

  private func description(_ client: GDBClient) -> String {
    var text = ""
    while true {
      let offset = String(text.utf8.count, radix: 16)
      let reply = client.ask("qXfer:features:read:target.xml:\(offset),400")
      text += reply.dropFirst()
      if !reply.hasPrefix("m") { return text }
    }
  }

  private func number(of register: String, in description: String) -> String? {
    guard
      let line = description.split(separator: "\n").first(where: {
        $0.hasPrefix("<reg name=\"\(register)\"")
      }), let start = line.firstRange(of: "regnum=\"")
    else { return nil }
    return Int(line[start.upperBound...].prefix { $0 != "\"" }).map { String($0, radix: 16) }
  }

  @Test func theDescriptionCountsTheRegistersThatThereAre() throws {
    let client = try client()
    let text = description(client)
    #expect(text.contains("<architecture>i386:x86-64</architecture>"))
    let count = text.ranges(of: "<reg ").count
    #expect(client.ask("p\(String(count - 1, radix: 16))").count == 16)
    #expect(client.ask("p\(String(count, radix: 16))") == "E16")
    #expect(client.ask("qXfer:features:read:other.xml:0,100") == "E00")
    #expect(client.ask("qXfer:features:read:target.xml:0") == "E16")
    #expect(client.ask("qXfer:features:read:target.xml:fffff,10") == "l")
    #expect(client.ask("qXfer:memory-map:read::0,100") == "")
    #expect(client.ask("qXfer:features:write:target.xml:0:x") == "")
  }

  @Test func anotherDescriptionCountsWhenItIsRead() throws {
    let client = try client()
    let all = client.ask("g").utf8.count
    #expect(client.ask("qRcmd,\(GDBClient.digits("arch i386".utf8))") == "OK")
    #expect(client.shown.contains("unset tdesc filename"))
    #expect(client.ask("g").utf8.count == all)
    #expect(description(client).contains("<architecture>i386</architecture>"))
    #expect(client.ask("p8") == "00001000")
    #expect(client.ask("P8=05001000") == "OK")
    #expect(client.machine.processor.cpu.state.pointee.rip == 0x10_0005)
    // The halves that 32 bits do not show stay.
    client.machine.processor.cpu[.rax] = 0x1111_2222_3333_4444
    #expect(client.ask("P0=78563412") == "OK")
    #expect(client.machine.processor.cpu[.rax] == 0x1111_2222_1234_5678)
    _ = client.ask("qRcmd,\(GDBClient.digits("arch nonsense".utf8))")
    #expect(client.shown.contains("not nonsense"))
    _ = client.ask("qRcmd,\(GDBClient.digits("arch auto".utf8))")
    #expect(description(client).contains("<architecture>i386:x86-64</architecture>"))
  }

  // MARK: Memory

  @Test func memoryIsReadAndWritten() throws {
    let client = try client()
    #expect(client.ask("m100000,5") == "b805000000")
    #expect(client.ask("M110000,4:01020304") == "OK")
    #expect(client.ask("m110000,5") == "0102030400")
    #expect(client.ask(Array("X110000,4:".utf8) + [0x7D, 0x24, 0x23, 0x2A]) == "OK")
    #expect(client.ask("m110000,4") == "7d24232a")
    #expect(client.ask("X110000,0:") == "OK")
    #expect(client.ask("mffffff8000000000,8") == "E0e")
    #expect(client.ask("Mffffff8000000000,1:00") == "E0e")
    for packet in ["m", "m1", "m1,", "mx,1", "M110000,4:01", "M110000,4", "X110000,4:a"] {
      #expect(client.ask(packet) == "E16", "\(packet)")
    }
  }

  @Test func physicalMemoryIsReached() throws {
    let client = try client()
    #expect(client.ask("qqemu.PhyMemMode") == "0")
    #expect(client.ask("Qqemu.PhyMemMode:1") == "OK")
    #expect(client.ask("qqemu.PhyMemMode") == "1")
    #expect(client.ask("m100000,5") == "b805000000")
    #expect(client.ask("m1000000,4") == "E0e")
    #expect(client.ask("Qqemu.PhyMemMode:2") == "E16")
    #expect(client.ask("Qqemu.PhyMemMode:0") == "OK")
  }

  @Test func codeThatIsWrittenIsExecuted() throws {
    let client = try client()
    #expect(client.ask("vCont;s:1").hasPrefix("T05"))
    #expect(client.ask("M100000,5:b807000000") == "OK")
    #expect(client.ask("P10=0000100000000000") == "OK")
    #expect(client.ask("s").hasPrefix("T05"))
    #expect(client.register(0) == 7)
  }

  @Test func memoryIsCompared() throws {
    let client = try client()
    #expect(client.ask("M110000,9:" + GDBClient.digits("123456789".utf8)) == "OK")
    // The check value of CRC-32/MPEG-2, which this is.
    #expect(client.ask("qCRC:110000,9") == "C376e6e7")
    #expect(client.ask("qCRC:ffffff8000000000,9") == "E0e")
    #expect(client.ask("qCRC:0,ffffffffffff") == "E16")
  }

  // MARK: Stops

  @Test func breakpointsStop() throws {
    let client = try client()
    #expect(client.ask("Z0,100005,1") == "OK")
    let stop = client.ask("vCont;c")
    #expect(stop.hasPrefix("T05swbreak:;"))
    #expect(stop.contains("10:0500100000000000;") && stop.hasSuffix("thread:1;"))
    #expect(client.ask("?") == stop)
    #expect(load(client, 0x11_0000) == 0)
    #expect(client.ask("c").hasPrefix("T05swbreak:;"))
    #expect(load(client, 0x11_0000) == 1)
    #expect(client.ask("z0,100005,1") == "OK")
    #expect(client.ask("Z1,10000c,1") == "OK")
    #expect(client.ask("C05").hasPrefix("T05hwbreak:;"))
    #expect(client.ask("z1,10000c,1") == "OK")
    #expect(client.ask("z1,10000c,1") == "OK")
    for packet in ["Z0", "Z0,", "Z0,1", "Z0,1,", "Z0,100000,1;X", "Z0,100000,1;X4,00", "Z2,0,0"] {
      #expect(client.ask(packet) == "E16", "\(packet)")
    }
    #expect(client.ask("Z5,0,1") == "")
  }

  @Test func conditionsAreEvaluatedHere() throws {
    let client = try client()
    // *(int *) 110000h == 1000
    let code: [UInt8] = [0x24, 0, 0x11, 0, 0, 0x19, 0x23, 3, 0xE8, 0x13, 0x27]
    let text = "X\(String(code.count, radix: 16)),\(GDBClient.digits(code))"
    #expect(client.ask("Z0,100005,1;\(text)") == "OK")
    #expect(client.ask("c").hasPrefix("T05swbreak:;"))
    #expect(load(client, 0x11_0000) == 1000)
    // Either of two; one that fails counts as met.
    #expect(client.ask("Z0,100005,1;X3,220027;\(text)") == "OK")
    #expect(client.ask("Z0,100005,1;X3,220027X1,29") == "OK")
    #expect(client.ask("c").hasPrefix("T05swbreak:;"))
    #expect(load(client, 0x11_0000) == 1001)
  }

  @Test func commandsPrintAndGoOn() throws {
    let client = try client()
    // printf("%d\n", *(int *) 110000h) while it is below 3.
    let format = Array("%d\\n\0".utf8)
    let value: [UInt8] = [0x24, 0, 0x11, 0, 0, 0x19]
    let condition = value + [0x22, 3, 0x15, 0x27]
    let command = value + [0x22, 0, 0x22, 0, 0x34, 1, 0, UInt8(format.count)] + format + [0x27]
    func field(_ code: [UInt8]) -> String {
      "X\(String(code.count, radix: 16)),\(GDBClient.digits(code))"
    }
    #expect(client.ask("Z0,100005,1;\(field(condition));cmds:1,\(field(command))") == "OK")
    #expect(client.ask("Z1,10000c,1;\(field(value + [0x22, 10, 0x13, 0x27]))") == "OK")
    #expect(client.ask("c").hasPrefix("T05hwbreak:;"))
    #expect(client.shown == "0\n1\n2\n")
  }

  @Test func watchpointsStop() throws {
    let client = try client()
    for (type, name) in [(2, "watch"), (3, "rwatch"), (4, "awatch")] {
      #expect(client.ask("Z\(type),110000,4") == "OK")
      #expect(client.ask("c").hasPrefix("T05\(name):110000;"))
      #expect(client.register(Self.rip) == 0x10_000C)
      #expect(client.ask("z\(type),110000,4") == "OK")
    }
  }

  @Test func rangesAreSteppedThrough() throws {
    let client = try client()
    #expect(client.ask("vCont;r100000,10000c:1").hasPrefix("T05"))
    #expect(client.register(Self.rip) == 0x10_000C)
    #expect(client.ask("Z0,10000c,1") == "OK")
    #expect(client.ask("vCont;r100000,100100:1").hasPrefix("T05swbreak"))
  }

  @Test func timeGoesBack() throws {
    let client = try client()
    #expect(client.ask("Z0,100005,1") == "OK")
    for _ in 0..<5 { #expect(client.ask("c").hasPrefix("T05swbreak")) }
    #expect(load(client, 0x11_0000) == 4)
    #expect(client.ask("bc").hasPrefix("T05swbreak"))
    #expect(load(client, 0x11_0000) == 3)
    #expect(client.ask("bs").hasPrefix("T05"))
    #expect(client.register(Self.rip) == 0x10_000C)
    #expect(client.ask("bs").hasPrefix("T05"))
    #expect(load(client, 0x11_0000) == 2)
    #expect(client.ask("z0,100005,1") == "OK")
    #expect(client.ask("bc").hasPrefix("T05replaylog:begin;"))
    #expect(client.register(Self.rip) == 0x10_0000)
    #expect(client.ask("bs").hasPrefix("T05replaylog:begin;"))
    #expect(client.ask("bx") == "")
  }

  @Test func controlCStops() throws {
    let client = try client()
    client.server.receive(PacketStream.frame("vCont;c".utf8))
    #expect(client.server.isRunning)
    _ = client.server.run(limit: 1000)
    client.server.receive([3])
    #expect(!client.server.isRunning)
    #expect(client.finish().hasPrefix("T02"))
    // Without anything running it means nothing.
    client.server.receive([3])
    #expect(client.finish() == "none")
  }

  @Test func theEndOfTheMachineIsAStop() throws {
    let client = try client(TestCode.powerOff)
    #expect(client.ask("c").hasPrefix("T0f"))
    #expect(client.shown.contains("switched the power off"))
    #expect(client.ask("bs").hasPrefix("T05"))
    let other = try self.client(TestCode.undefined)
    #expect(other.ask("c").hasPrefix("T0b"))
    #expect(other.shown.contains("triple fault"))
  }

  // MARK: Threads

  @Test func processorsAreThreads() throws {
    let client = try client(processors: 3)
    #expect(client.ask("qfThreadInfo") == "m1,2,3")
    #expect(client.ask("qsThreadInfo") == "l")
    #expect(client.ask("qC") == "QC1")
    #expect(client.ask("T2") == "OK")
    #expect(client.ask("T4") == "E03")
    #expect(client.ask("Hg2") == "OK")
    #expect(client.ask("qC") == "QC2")
    #expect(client.ask("Hg9") == "E03")
    #expect(client.ask("Hc-1") == "OK")
    #expect(client.ask("Hgp1.3") == "OK")
    #expect(client.ask("Hx1") == "E16")
    let extra = client.ask("qThreadExtraInfo,1")
    #expect(
      String(decoding: GDBClient.bytes(extra.utf8), as: UTF8.self) == "CPU 0, 64-bit code, ring 0")
    #expect(client.ask("qXfer:threads:read::0,1000").contains("<thread id=\"3\" core=\"2\""))
  }

  // MARK: The rest

  @Test func whatIsThereIsSaid() throws {
    let client = try client()
    let features = client.ask("qSupported:multiprocess+;swbreak+")
    for feature in ["ReverseStep+", "ReverseContinue+", "ConditionalBreakpoints+", "swbreak+"] {
      #expect(features.contains(feature))
    }
    #expect(client.ask("vCont?") == "vCont;c;C;s;S;t;r")
    #expect(client.ask("vMustReplyEmpty") == "")
    #expect(client.ask("qAttached") == "1")
    #expect(client.ask("qSymbol::") == "OK")
    for packet in ["", "!", "R00", "qTStatus", "qUnknown", "Qother", "vOther", "i"] {
      #expect(client.ask(packet) == "", "\(packet)")
    }
  }

  @Test func theMonitorAnswers() throws {
    let client = try client()
    client.server.monitor = { "you said \($0)\n" }
    #expect(client.ask("qRcmd,\(GDBClient.digits("hello".utf8))") == "OK")
    #expect(client.shown == "you said hello\n")
    #expect(client.ask("qRcmd,0") == "E16")
  }

  @Test func packetsAreAcknowledgedAndRepeated() throws {
    let client = try client()
    client.server.receive("$qC#b4".utf8)
    #expect(client.server.takeOutput() == Array("+$QC1#c5".utf8))
    client.server.receive("-".utf8)
    #expect(client.server.takeOutput() == Array("$QC1#c5".utf8))
    client.server.receive("+-".utf8)
    #expect(client.server.takeOutput() == [])
    client.server.receive("$qC#b5".utf8)
    #expect(client.server.takeOutput() == Array("-".utf8))
    client.server.receive(PacketStream.frame("QStartNoAckMode".utf8))
    #expect(client.server.takeOutput() == Array("+$OK#9a".utf8))
    client.server.receive("+$qC#b5".utf8)
    #expect(client.server.takeOutput() == Array("$QC1#c5".utf8))
  }

  @Test func leavingLetsTheMachineGo() throws {
    let client = try client()
    #expect(client.ask("Z0,100005,1") == "OK")
    client.server.receive(PacketStream.frame("D".utf8))
    #expect(client.server.isRunning && !client.server.isAttached)
    #expect(client.server.run(limit: 1000) == nil)
    #expect(client.server.isRunning && load(client, 0x11_0000) > 100)
    #expect(client.debuggee.breakpoints.isEmpty)
    client.server.attach()
    #expect(!client.server.isRunning)
    #expect(client.ask("k") == "none")
    #expect(client.server.isKilled)
  }
}

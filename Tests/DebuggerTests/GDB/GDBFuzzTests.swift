import Debugger
import Emulator
import TestImages
import Testing

/// Packets at random: nothing may end the emulator or make it hang.
@Suite struct GDBFuzzTests {
  private static let packets = [
    "?", "g", "p0", "p10", "P0=0000000000000000", "P10=0000100000000000", "m100000,40",
    "M110000,4:01020304", "X110000,4:abcd", "Z0,100005,1", "Z1,100005,1;X3,220027",
    "Z2,110000,4", "Z3,110000,8", "Z4,110000,1", "z0,100005,1", "z2,110000,4", "Hg1", "Hc-1",
    "T1", "bs", "bc", "c", "s", "C05", "S05;100000", "vCont?", "vCont;c", "vCont;s:1",
    "vCont;r100000,10000c:1;c", "vCont;t", "vMustReplyEmpty", "qSupported:xmlRegisters=i386",
    "qXfer:features:read:target.xml:0,ffb", "qXfer:threads:read::0,ffb", "qRcmd,61726368",
    "qCRC:100000,40", "qC", "qfThreadInfo", "qsThreadInfo", "qThreadExtraInfo,1", "qAttached",
    "Qqemu.PhyMemMode:1", "qqemu.PhyMemMode", "QStartNoAckMode", "D", "k",
    "Z0,100005,1;X7,26001022002027;cmds:0,Xb,220022003400000003256400",
  ]

  private func machine() throws -> Machine {
    try Guests.bare(GDBServerTests.counting, processors: 2)
  }

  /// Sends a packet, and stops whatever it started.
  private func play(_ packet: [UInt8], to server: GDBServer) {
    server.receive(PacketStream.frame(packet))
    for _ in 0..<3 where server.isRunning { _ = server.run(limit: 500) }
    server.receive([3])
    _ = server.takeOutput()
    if !server.isAttached || server.isKilled { server.attach() }
  }

  @Test(arguments: 0..<4)
  func mutatedPacketsDoNoHarm(_ seed: UInt64) throws {
    var numbers = SeededNumbers(seed: 0x6DB + seed)
    let server = GDBServer(Debuggee(try machine()))
    server.attach()
    for _ in 0..<1500 {
      var packet = Array(Self.packets[Int.random(in: 0..<Self.packets.count, using: &numbers)].utf8)
      for _ in 0..<Int.random(in: 0...3, using: &numbers) where !packet.isEmpty {
        let place = Int.random(in: 0..<packet.count, using: &numbers)
        switch Int.random(in: 0..<4, using: &numbers) {
        case 0: packet[place] = UInt8.random(in: 0...255, using: &numbers)
        case 1: packet.remove(at: place)
        case 2: packet.insert(contentsOf: "ffffffffffffffff".utf8, at: place)
        default: packet.insert(UInt8.random(in: 0x20...0x7F, using: &numbers), at: place)
        }
      }
      play(packet, to: server)
    }
    // It still answers.
    server.attach()
    server.receive(PacketStream.frame("qC".utf8))
    #expect(String(decoding: server.takeOutput(), as: UTF8.self).contains("$QC"))
  }

  @Test func randomBytesDoNoHarm() throws {
    var numbers = SeededNumbers(seed: 77)
    let server = GDBServer(Debuggee(try machine()))
    server.attach()
    for _ in 0..<300 {
      let count = Int.random(in: 0..<200, using: &numbers)
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &numbers) }
      server.receive(bytes)
      play(bytes, to: server)
    }
    server.receive(PacketStream.frame("".utf8))
    server.attach()
    server.receive(PacketStream.frame("qC".utf8))
    #expect(String(decoding: server.takeOutput(), as: UTF8.self).contains("$QC"))
  }

  @Test func randomExpressionsDoNoHarm() throws {
    var numbers = SeededNumbers(seed: 5)
    let server = GDBServer(Debuggee(try machine()))
    server.attach()
    for _ in 0..<300 {
      let count = Int.random(in: 1..<40, using: &numbers)
      let code = (0..<count).map { _ in UInt8.random(in: 0...0x36, using: &numbers) }
      let text = "\(String(count, radix: 16)),\(GDBClient.digits(code))"
      play(Array("Z0,100005,1;X\(text);cmds:0,X\(text)".utf8), to: server)
      play(Array("c".utf8), to: server)
    }
  }
}

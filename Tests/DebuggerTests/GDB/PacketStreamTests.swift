import Debugger
import Testing

/// Frames of the remote serial protocol.
@Suite struct PacketStreamTests {
  private func events(_ text: String) -> [PacketStream.Event] {
    var stream = PacketStream()
    return text.utf8.compactMap { stream.receive($0) }
  }

  @Test func packetsComeOutOfTheirFrames() {
    #expect(events("$m0,4#fd") == [.packet(Array("m0,4".utf8))])
    #expect(events("+$?#3f-") == [.acknowledged, .packet(Array("?".utf8)), .refused])
    #expect(events("\u{3}") == [.interrupt])
    #expect(events("noise$#00") == [.packet([])])
  }

  @Test func aWrongChecksumIsNoticed() {
    #expect(events("$m0,4#fe") == [.damaged])
    #expect(events("$m0,4#zz") == [.damaged])
    #expect(events("$m0,4#FD") == [.packet(Array("m0,4".utf8))])
  }

  @Test func aNewFrameEndsAnUnfinishedOne() {
    #expect(events("$m0,$?#3f") == [.packet(Array("?".utf8))])
  }

  @Test func whateverBytesAPacketHasComeBack() {
    let packet = (0...255).map { UInt8($0) } + [0x7D, 0x23, 0x24, 0x2A, 0x03]
    var stream = PacketStream()
    let events = PacketStream.frame(packet).compactMap { stream.receive($0) }
    #expect(events == [.packet(packet)])
  }

  @Test func aPacketThatIsTooLongIsDamaged() {
    var stream = PacketStream()
    let packet = [UInt8](repeating: 0x41, count: PacketStream.capacity + 1)
    let first = PacketStream.frame(packet).compactMap { stream.receive($0) }
    #expect(first == [PacketStream.Event.damaged])
    let second = PacketStream.frame([0x3F]).compactMap { stream.receive($0) }
    #expect(second == [PacketStream.Event.packet([0x3F])])
  }

  @Test func checksumsDoNotCountWithoutAcknowledgements() {
    var stream = PacketStream()
    stream.ignoresChecksums = true
    let events = "$?#00".utf8.compactMap { stream.receive($0) }
    #expect(events == [PacketStream.Event.packet([0x3F])])
  }
}

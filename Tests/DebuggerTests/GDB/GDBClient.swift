import Debugger
import Emulator

/// The other end of a `GDBServer`, without a socket between.
final class GDBClient {
  let server: GDBServer
  let debuggee: Debuggee
  var machine: Machine { debuggee.machine }
  /// What the server showed on the console.
  private(set) var shown = ""
  private var acknowledges = true

  init(_ machine: Machine) {
    debuggee = Debuggee(machine)
    server = GDBServer(debuggee)
    server.attach()
  }

  /// Sends a packet, lets the machine run if it is to, and takes the reply.
  func ask(_ packet: String) -> String { ask(Array(packet.utf8)) }

  func ask(_ packet: [UInt8]) -> String {
    server.receive(PacketStream.frame(packet))
    return finish()
  }

  /// Lets the machine run until it stops, and takes the reply.
  func finish(slices: Int = 1000) -> String {
    for _ in 0..<slices where server.isRunning { _ = server.run(limit: 100_000) }
    return String(decoding: replies().last ?? Array("none".utf8), as: UTF8.self)
  }

  /// The packets that came, console output taken out.
  func replies() -> [[UInt8]] {
    var stream = PacketStream()
    var packets: [[UInt8]] = []
    for byte in server.takeOutput() {
      guard case .packet(let packet) = stream.receive(byte) else { continue }
      if packet.first == UInt8(ascii: "O"), packet != Array("OK".utf8) {
        shown += String(decoding: Self.bytes(packet.dropFirst()), as: UTF8.self)
      } else {
        packets.append(packet)
      }
    }
    return packets
  }

  /// The bytes that digits stand for.
  static func bytes(_ text: some Collection<UInt8>) -> [UInt8] {
    let digits = text.map { UInt8(String(UnicodeScalar($0)), radix: 16) ?? 0 }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  /// Digits for bytes.
  static func digits(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// A register by its number, as a number.
  func register(_ number: Int) -> UInt64 {
    Self.bytes(ask("p\(String(number, radix: 16))").utf8).prefix(8).reversed()
      .reduce(0) { $0 << 8 | UInt64($1) }
  }
}

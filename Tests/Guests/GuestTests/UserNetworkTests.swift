import Emulator
import Foundation
import Testing

/// `--net user`: what a guest reaches through libslirp.
@Suite struct UserNetworkTests {
  private static let drivers = Guest.folder.appending(path: "virtio.gz")
  private static let isHere =
    Guest.canBoot(LinuxTests.cloud) && FileManager.default.fileExists(atPath: drivers.path)

  /// What udhcpc runs with the lease.
  private static let lease =
    #"printf '#!/bin/sh\n[ -z "$ip" ] || ip addr add $ip/24 dev $interface; "#
    + #"[ -z "$router" ] || ip route add default via $router\n' > /tmp/lease; chmod 755 /tmp/lease"#

  /// Types a command and waits for its mark, with the network beside the machine.
  private func run(
    _ command: String, _ session: LinuxSession, _ network: UserNetwork
  ) throws -> String {
    let machine = session.machine
    let before = session.console.count
    machine.console.send("\(command); echo \"<end>\"\n")
    let pattern = try OutputPattern("^<end>$")
    let deadline = Date().addingTimeInterval(120)
    while true {
      let stop = machine.run(
        until: .output { pattern.matches(next: $0) }, limit: 2_000_000, timeLimit: 5_000_000)
      if stop == .conditionMet { break }
      network.exchange()
      if case .idle(let time) = stop {
        usleep(500)
        machine.advanceIdle(to: min(time, machine.now + 1_000_000))
      }
      try #require(Date() < deadline, "\(session.console.suffix(2000))")
    }
    return String(session.console.dropFirst(before))
  }

  @Test(.enabled(if: isHere, Guest.absence))
  func aGuestGetsAnAddressAndTalksToTheHost() throws {
    let drivers = [UInt8](try Data(contentsOf: Self.drivers))
    let session = try LinuxSession(LinuxTests.cloud, commandLine: "console=ttyS0 quiet") {
      let initial = $0.modules[0]
      $0.modules = [BootModule(name: initial.name, bytes: initial.bytes + drivers)]
      $0.network = NetworkInterface()
    }
    try session.bootToShell()
    let server = try EchoServer()
    let network = try UserNetwork(session.machine.network)
    defer { network.close() }
    session.machine.pausesWhenIdle = true
    session.machine.awaitsInput = true
    _ = try run("ip link set eth0 up; \(Self.lease)", session, network)
    let lease = try run("udhcpc -i eth0 -n -q -s /tmp/lease; ip addr show eth0", session, network)
    #expect(lease.contains("lease of 10.0.2.15 obtained"), "\(lease)")
    #expect(lease.contains("inet 10.0.2.15/24"), "\(lease)")
    // There and back again: 108,894 bytes each way, whose digest is known.
    let transfer = try run(
      "seq 1 20000 | nc 10.0.2.2 \(server.port) > /tmp/back; sha256sum < /tmp/back",
      session, network)
    #expect(transfer.contains("\nf6351f5ead9a700e"), "\(transfer)")
    #expect(server.received == 108_894)
    session.machine.pausesWhenIdle = false
    session.powerOff()
  }
}

/// A server of the host's loopback that sends its one client back what it sent.
private final class EchoServer: @unchecked Sendable {
  let port: UInt16
  private let listener: Int32
  private let lock = NSLock()
  private var count = 0

  /// Bytes that clients have sent.
  var received: Int { lock.withLock { count } }

  init() throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let isListening = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 1) == 0
          && getsockname(listener, $0, &size) == 0
      }
    }
    guard isListening else { throw POSIXError(.EADDRNOTAVAIL) }
    port = UInt16(bigEndian: address.sin_port)
    Thread { self.serve() }.start()
  }

  deinit { close(listener) }

  private func serve() {
    let client = accept(listener, nil, nil)
    guard client >= 0 else { return }
    defer { close(client) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let length = read(client, &buffer, buffer.count)
      guard length > 0 else { break }
      bytes += buffer.prefix(length)
    }
    lock.withLock { count += bytes.count }
    var sent = 0
    while sent < bytes.count {
      let length = bytes[sent...].withUnsafeBytes { write(client, $0.baseAddress, $0.count) }
      guard length > 0 else { break }
      sent += length
    }
  }
}

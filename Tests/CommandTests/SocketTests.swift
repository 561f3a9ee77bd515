import Foundation
import TestImages
import Testing

/// The serial port on sockets, with the test as the client.
@Suite struct SocketTests {
  private func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Command.executable)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// Connects as soon as somebody listens.
  private func connect(_ attempt: () -> Int32) -> Int32 {
    for _ in 0..<500 {
      let descriptor = attempt()
      if descriptor >= 0 { return descriptor }
      usleep(10_000)
    }
    return -1
  }

  /// Sends text and reads until the other end closes.
  private func talk(_ descriptor: Int32, _ text: String) -> String {
    _ = text.withCString { write(descriptor, $0, strlen($0)) }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 100)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      answer += buffer.prefix(count)
    }
    close(descriptor)
    return String(decoding: answer, as: UTF8.self)
  }

  @Test func unixSocketServesAClientAndIsRemoved() throws {
    let folder = try TemporaryFolder()
    let echo = try folder.file("echo", ELFBuilder(code: TestCode.echo).build())
    let path = folder.path("serial")
    let process = try start(["boot", echo, "--serial", "unix:\(path)", "--timeout", "60"])
    let descriptor = connect {
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
      let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      let status = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      if status == 0 { return descriptor }
      close(descriptor)
      return -1
    }
    #expect(descriptor >= 0)
    #expect(talk(descriptor, "ping q") == "ping q")
    process.waitUntilExit(atMost: 300)
    #expect(process.terminationStatus == 33)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func theSecondPortHasAPlaceOfItsOwn() throws {
    let folder = try TemporaryFolder()
    // mov dx, 2F8h; mov al, 'B'; out dx, al
    let second: [UInt8] = [0x66, 0xBA, 0xF8, 0x02, 0xB0, 0x42, 0xEE]
    let image = try folder.file("two", ELFBuilder(code: second + TestCode.powerOff).build())
    let path = folder.path("second")
    let run = try Command.run(["boot", image, "--serial2", "file:\(path)"])
    #expect(run.status == 0 && run.output.isEmpty)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "B")
    let refused = try Command.run(["boot", image, "--serial2", "stdio"])
    #expect(refused.status == 2 && refused.errors.contains("--serial2 takes file:PATH"))
  }

  @Test func aTakenSocketIsRefusedAndLeftAlone() throws {
    let folder = try TemporaryFolder()
    let echo = try folder.file("echo", ELFBuilder(code: TestCode.echo).build())
    let path = try folder.file("taken", [1, 2, 3])
    let result = try Command.run(["boot", echo, "--serial", "unix:\(path)"])
    #expect(result.status == 3)
    #expect(result.errors.contains(path))
    #expect(FileManager.default.contents(atPath: path) == Data([1, 2, 3]))
  }

  @Test func aSignalRemovesTheSocketAndEndsTheProcess() throws {
    let folder = try TemporaryFolder()
    let echo = try folder.file("echo", ELFBuilder(code: TestCode.echo).build())
    let path = folder.path("serial")
    let process = try start(["boot", echo, "--serial", "unix:\(path)", "--timeout", "60"])
    for _ in 0..<500 where !FileManager.default.fileExists(atPath: path) { usleep(10_000) }
    usleep(100_000)
    process.terminate()
    process.waitUntilExit(atMost: 300)
    #expect(process.terminationReason == .uncaughtSignal)
    #expect(process.terminationStatus == SIGTERM)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func tcpServesAClient() throws {
    let folder = try TemporaryFolder()
    let echo = try folder.file("echo", ELFBuilder(code: TestCode.echo).build())
    let port = UInt16.random(in: 20_000..<60_000)
    let process = try start(["boot", echo, "--serial", "tcp:127.0.0.1:\(port)", "--timeout", "60"])
    let descriptor = connect {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      let status = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      if status == 0 { return descriptor }
      close(descriptor)
      return -1
    }
    #expect(talk(descriptor, "q") == "q")
    process.waitUntilExit(atMost: 300)
    #expect(process.terminationStatus == 33)
  }
}

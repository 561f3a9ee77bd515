import ArgumentParser
import Emulator

/// What `--serial` connects the first serial port to.
enum SerialOption: ExpressibleByArgument, Equatable {
  case stdio
  case null
  case file(String)
  case unix(String)
  case tcp(host: String, port: UInt16)

  init?(argument: String) {
    let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let rest = parts.count == 2 ? String(parts[1]) : ""
    switch (parts.first, rest.isEmpty) {
    case ("stdio", true) where parts.count == 1: self = .stdio
    case ("null", true) where parts.count == 1: self = .null
    case ("file", false): self = .file(rest)
    case ("unix", false): self = .unix(rest)
    case ("tcp", false):
      // The host may be an IPv6 address, with or without brackets: the last colon separates.
      guard let colon = rest.lastIndex(of: ":"),
        let port = UInt16(rest[rest.index(after: colon)...])
      else { return nil }
      let host = rest[..<colon]
      let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
      self = .tcp(host: String(isBracketed ? host.dropFirst().dropLast() : host), port: port)
    default: return nil
    }
  }

  var defaultValueDescription: String { "stdio" }

  /// Makes the connection; without `standardStreams` there is nothing but files and sockets.
  func open(standardStreams: StandardStreams? = nil) throws -> any SerialBackend {
    switch self {
    case .stdio: standardStreams ?? NullBackend()
    case .null: NullBackend()
    case .file(let path): try FileBackend(path: path)
    case .unix(let path): try SocketBackend(unixPath: path)
    case .tcp(let host, let port): try SocketBackend(host: host, port: port)
    }
  }
}

/// What `--net` connects a network interface to.
enum NetworkOption: String, ExpressibleByArgument {
  case user
}

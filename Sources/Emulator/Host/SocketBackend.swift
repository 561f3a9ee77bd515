import Glibc

/// Listens on a socket for one client at a time, which then has the serial port.
///
/// What the guest sends before anybody came is kept, as far as there is room, and given to the
/// first client.
public final class SocketBackend: SerialBackend {
  /// The bytes that may wait for a client, or for a slow one.
  private static let capacity = 1 << 20

  private let name: String
  private let ownedPath: String?
  private var listener: Int32
  private var client: Int32 = -1
  private var waiting: [UInt8] = []
  private var hadClient = false
  /// What a client is told that comes while there is one; nil lets it wait for its turn.
  public var refusal: String?
  /// Whether a client is there.
  public var isConnected: Bool { client >= 0 }

  private init(name: String, ownedPath: String?, listener: Int32) {
    self.name = name
    self.ownedPath = ownedPath
    self.listener = listener
  }

  /// Listens at a path, where a socket is made and in the end removed.
  public convenience init(unixPath path: String) throws(HostError) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    let bytes = Array(path.utf8)
    guard bytes.count < room else {
      throw HostError(path, "the path of a socket has at most \(room - 1) bytes")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard socket >= 0 else { throw HostError(path, "no socket can be made", errno: errno) }
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status == 0 else {
      let number = errno
      Glibc.close(socket)
      throw HostError(path, "no socket can be made there", errno: number)
    }
    self.init(name: path, ownedPath: path, listener: socket)
    try listen()
  }

  /// Listens at a port of a local address; an empty host means the loopback interface.
  public convenience init(host: String, port: UInt16) throws(HostError) {
    let name = "tcp:\(host):\(port)"
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host.isEmpty ? "127.0.0.1" : host, String(port), &hints, &found)
    guard status == 0, let address = found else {
      throw HostError(name, "no such address: \(String(cString: gai_strerror(status)))")
    }
    defer { freeaddrinfo(address) }
    let socket = Glibc.socket(address.pointee.ai_family, address.pointee.ai_socktype, 0)
    guard socket >= 0 else { throw HostError(name, "no socket can be made", errno: errno) }
    var on: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard bind(socket, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0 else {
      let number = errno
      Glibc.close(socket)
      throw HostError(name, "cannot listen there", errno: number)
    }
    self.init(name: name, ownedPath: nil, listener: socket)
    try listen()
  }

  deinit { close() }

  private func listen() throws(HostError) {
    Self.makeNonBlocking(listener)
    guard Glibc.listen(listener, 1) == 0 else {
      throw HostError(name, "cannot listen there", errno: errno)
    }
  }

  private static func makeNonBlocking(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
  }

  // MARK: Traffic

  /// A client's bytes, or the client itself.
  public var interests: [Interest] {
    guard client >= 0 else { return [Interest(descriptor: listener, input: true)] }
    let own = Interest(descriptor: client, input: true, output: !waiting.isEmpty)
    return refusal == nil ? [own] : [own, Interest(descriptor: listener, input: true)]
  }

  /// Always: a client may come.
  public var mayReceive: Bool { true }

  /// While a client does not take what it was sent.
  public var isCongested: Bool { client >= 0 && waiting.count >= Self.capacity }

  /// Takes a client's bytes, or a new client.
  public func receive() throws(HostError) -> [UInt8] {
    guard client >= 0 else {
      client = accept(listener, nil, nil)
      guard client >= 0 else { return [] }
      hadClient = true
      Self.makeNonBlocking(client)
      var on: Int32 = 1
      setsockopt(
        client, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
      try flush()
      return []
    }
    guard let bytes = HostDescriptor.read(client) else {
      dropClient()
      return []
    }
    if let refusal, !clientHasHungUp { refuseOthers(refusal) }
    return bytes
  }

  /// Sends bytes to the client; they wait if there is none yet, and are dropped if it has gone.
  public func send(_ bytes: [UInt8]) throws(HostError) {
    guard client >= 0 || !hadClient else { return }
    waiting += bytes
    if client < 0, waiting.count > Self.capacity {
      waiting.removeFirst(waiting.count - Self.capacity)
    }
    try flush()
  }

  /// Sends what waits.
  public func flush() throws(HostError) {
    guard client >= 0, !waiting.isEmpty else { return }
    switch HostDescriptor.write(client, waiting[...]) {
    case .written(let count): waiting.removeFirst(count)
    case .closed, .failed: dropClient()
    }
  }

  /// Linux's POLLRDHUP, which its header shows only to those who ask for GNU's extensions.
  private static let peerHangUp: Int16 = 0x2000

  /// The client's last bytes may still have to be read; who comes then is its successor.
  private var clientHasHungUp: Bool {
    var entry = pollfd(fd: client, events: Self.peerHangUp, revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  /// Tells others that have come why they cannot stay.
  private func refuseOthers(_ sentence: String) {
    while case let other = accept(listener, nil, nil), other >= 0 {
      _ = HostDescriptor.write(other, Array("\(sentence)\n".utf8)[...])
      Glibc.close(other)
    }
  }

  private func dropClient() {
    Glibc.close(client)
    client = -1
    waiting = []
  }

  /// Ends the connection and removes the socket.
  public func close() {
    if client >= 0 { Glibc.close(client) }
    if listener >= 0 { Glibc.close(listener) }
    client = -1
    listener = -1
    if let ownedPath { unlink(ownedPath) }
  }
}

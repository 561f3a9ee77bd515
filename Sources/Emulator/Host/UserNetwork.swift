import CSlirp
import Glibc

/// A network of its own for a machine, from which it reaches others as the user who runs it.
///
/// libslirp answers DHCP and ARP and turns the guest's connections into the host's. The guest is
/// 10.0.2.15, the host 10.0.2.2, a name server 10.0.2.3. Nobody can connect to the guest.
public final class UserNetwork: SessionChannel {
  private let wire: NetworkWire
  private var slirp: OpaquePointer?
  fileprivate var descriptors: [pollfd] = []
  /// Frames for the guest that wait for the machine to stand still.
  fileprivate var arrived: [[UInt8]] = []
  fileprivate var timers: [NetworkTimer] = []
  private var sent: [[UInt8]] = []

  /// Connects a machine's wire.
  public init(_ wire: NetworkWire) throws(HostError) {
    self.wire = wire
    var configuration = SlirpConfig()
    configuration.version = 1
    configuration.in_enabled = true
    configuration.vnetwork = Self.address(10, 0, 2, 0)
    configuration.vnetmask = Self.address(255, 255, 255, 0)
    configuration.vhost = Self.address(10, 0, 2, 2)
    configuration.vdhcp_start = Self.address(10, 0, 2, 15)
    configuration.vnameserver = Self.address(10, 0, 2, 3)
    slirp = slirp_new(
      &configuration, NetworkCallbacks.table, Unmanaged.passUnretained(self).toOpaque())
    guard slirp != nil else { throw HostError("--net user", "libslirp refuses to start") }
    wire.transmitted = { [unowned self] frame in sent.append(frame) }
  }

  deinit { close() }

  private static func address(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32) -> in_addr {
    in_addr(s_addr: (a << 24 | b << 16 | c << 8 | d).bigEndian)
  }

  /// The host's ends of the guest's connections.
  public var interests: [Interest] {
    fill()
    return descriptors.map { request in
      Interest(
        descriptor: request.fd, input: request.events & Int16(POLLIN) != 0,
        output: request.events & Int16(POLLOUT) != 0)
    }
  }

  /// Always: an answer may come.
  public var mayReceive: Bool { true }
  /// Never: frames may be lost.
  public var isCongested: Bool { false }

  /// Gives libslirp the guest's frames, and the guest those that came.
  public func exchange() {
    guard let slirp else { return }
    let frames = sent
    sent = []
    for frame in frames {
      frame.withUnsafeBufferPointer { slirp_input(slirp, $0.baseAddress, Int32($0.count)) }
    }
    fill()
    let isReady = poll(&descriptors, nfds_t(descriptors.count), 0) >= 0
    slirp_pollfds_poll(
      slirp, isReady ? 0 : 1, NetworkCallbacks.receivedEvents,
      Unmanaged.passUnretained(self).toOpaque())
    runTimers()
    let incoming = arrived
    arrived = []
    for frame in incoming { wire.send(frame) }
  }

  private func fill() {
    guard let slirp else { return }
    descriptors = []
    var timeout: UInt32 = .max
    slirp_pollfds_fill(
      slirp, &timeout, NetworkCallbacks.addDescriptor, Unmanaged.passUnretained(self).toOpaque())
  }

  private func runTimers() {
    let now = Int64(WallClock.now / 1_000_000)
    for timer in timers where timer.expiry <= now {
      timer.expiry = .max
      timer.call()
    }
  }

  /// Ends all connections.
  public func close() {
    guard let ending = slirp else { return }
    slirp = nil
    wire.transmitted = nil
    slirp_cleanup(ending)
  }
}

/// A timer that libslirp asked for.
final class NetworkTimer {
  /// In milliseconds of the wall clock.
  var expiry: Int64 = .max
  private let callback: SlirpTimerCb?
  private let argument: UnsafeMutableRawPointer?

  init(_ callback: SlirpTimerCb?, _ argument: UnsafeMutableRawPointer?) {
    self.callback = callback
    self.argument = argument
  }

  func call() { callback?(argument) }
}

/// What libslirp calls.
private enum NetworkCallbacks {
  // SAFETY: the table is made once, never changed and never freed, since libslirp keeps pointing
  // at it.
  nonisolated(unsafe) static let table: UnsafePointer<SlirpCb> = {
    var callbacks = SlirpCb()
    callbacks.send_packet = { bytes, count, owner in
      guard let bytes, let network = NetworkCallbacks.network(owner) else { return -1 }
      network.arrived.append([UInt8](UnsafeRawBufferPointer(start: bytes, count: count)))
      return count
    }
    callbacks.guest_error = { _, _ in }
    callbacks.clock_get_ns = { _ in Int64(WallClock.now) }
    callbacks.timer_new = { callback, argument, owner in
      guard let network = NetworkCallbacks.network(owner) else { return nil }
      let timer = NetworkTimer(callback, argument)
      network.timers.append(timer)
      return Unmanaged.passUnretained(timer).toOpaque()
    }
    callbacks.timer_free = { timer, owner in
      NetworkCallbacks.network(owner)?.timers.removeAll {
        Unmanaged.passUnretained($0).toOpaque() == timer
      }
    }
    callbacks.timer_mod = { timer, expiry, owner in
      NetworkCallbacks.network(owner)?.timers
        .first { Unmanaged.passUnretained($0).toOpaque() == timer }?.expiry = expiry
    }
    callbacks.register_poll_fd = { _, _ in }
    callbacks.unregister_poll_fd = { _, _ in }
    callbacks.notify = { _ in }
    let place = UnsafeMutablePointer<SlirpCb>.allocate(capacity: 1)
    place.initialize(to: callbacks)
    return UnsafePointer(place)
  }()

  /// Events as libslirp and as poll have them.
  private static let pairs: [(Int32, Int32)] = [
    (Int32(SLIRP_POLL_IN), Int32(POLLIN)), (Int32(SLIRP_POLL_OUT), Int32(POLLOUT)),
    (Int32(SLIRP_POLL_PRI), Int32(POLLPRI)), (Int32(SLIRP_POLL_ERR), Int32(POLLERR)),
    (Int32(SLIRP_POLL_HUP), Int32(POLLHUP)),
  ]

  static let addDescriptor: SlirpAddPollCb = { descriptor, events, owner in
    guard let network = NetworkCallbacks.network(owner) else { return -1 }
    var wanted: Int32 = 0
    for (theirs, ours) in pairs where events & theirs != 0 { wanted |= ours }
    network.descriptors.append(pollfd(fd: descriptor, events: Int16(wanted), revents: 0))
    return Int32(network.descriptors.count - 1)
  }

  static let receivedEvents: SlirpGetREventsCb = { index, owner in
    guard let network = NetworkCallbacks.network(owner),
      network.descriptors.indices.contains(Int(index))
    else { return 0 }
    let events = Int32(network.descriptors[Int(index)].revents)
    var answer: Int32 = 0
    for (theirs, ours) in pairs where events & ours != 0 { answer |= theirs }
    return answer
  }

  private static func network(_ owner: UnsafeMutableRawPointer?) -> UserNetwork? {
    owner.map { Unmanaged<UserNetwork>.fromOpaque($0).takeUnretainedValue() }
  }
}

import Glibc
import Synchronization

/// Notices signals that ask the process to end or to stop, without letting them do it.
///
/// A handler writes the signal's number to a pipe, which is among the descriptors that `wait`
/// waits for, so no signal is lost between looking and sleeping.
public final class SignalWatch {
  /// The end of the pipe that handlers write to, -1 when nobody watches.
  private static let sink = Atomic<Int32>(-1)

  private static let watched = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT]

  private var source: Int32 = -1
  private var changed: [Int32] = []
  private var arrived: Int32?

  /// Starts to watch.
  public init() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    source = ends[0]
    Self.sink.store(ends[1], ordering: .sequentiallyConsistent)
    for number in Self.watched where !Self.isIgnored(number) {
      changed.append(number)
      signal(number) { number in
        var byte = UInt8(truncatingIfNeeded: number)
        Glibc.write(SignalWatch.sink.load(ordering: .sequentiallyConsistent), &byte, 1)
      }
    }
    // Whoever started the process may have left them blocked.
    var unblocked = sigset_t()
    sigemptyset(&unblocked)
    for number in changed { sigaddset(&unblocked, number) }
    sigprocmask(SIG_UNBLOCK, &unblocked, nil)
    // A closed pipe or socket is found out by the write that fails.
    signal(SIGPIPE, SIG_IGN)
  }

  deinit { end() }

  /// A signal that the process was started to ignore stays ignored, as nohup wants it.
  private static func isIgnored(_ number: Int32) -> Bool {
    var old = sigaction()
    sigaction(number, nil, &old)
    return unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Stops to watch: signals do again what they usually do.
  public func end() {
    for number in changed { signal(number, SIG_DFL) }
    changed = []
    let other = Self.sink.exchange(-1, ordering: .sequentiallyConsistent)
    if source >= 0 { close(source) }
    if other >= 0 { close(other) }
    source = -1
  }

  /// Takes the signal that arrived last, if any.
  public func takeSignal() -> Int32? {
    defer { arrived = nil }
    return arrived
  }

  /// Waits until a descriptor is ready, a signal arrives or `nanoseconds` pass (nil: for ever).
  public func wait(for interests: [Interest], nanoseconds: UInt64?) -> [Interest] {
    var requests = interests.map { interest in
      pollfd(
        fd: interest.descriptor,
        events: Int16((interest.input ? POLLIN : 0) | (interest.output ? POLLOUT : 0)), revents: 0)
    }
    requests.append(pollfd(fd: source, events: Int16(POLLIN), revents: 0))
    // Rounded up, so that a wait for less than a millisecond is no spin.
    let milliseconds = nanoseconds.map { Int32(clamping: ($0 &+ 999_999) / 1_000_000) } ?? -1
    guard poll(&requests, nfds_t(requests.count), milliseconds) > 0 else { return [] }
    if requests.removeLast().revents != 0 {
      arrived = HostDescriptor.read(source)?.last.map { Int32($0) }
    }
    return requests.filter { $0.revents != 0 }.map { request in
      Interest(
        descriptor: request.fd, input: request.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0,
        output: request.revents & Int16(POLLOUT | POLLERR) != 0)
    }
  }
}

import Glibc

/// Writing and reading of descriptors, as often as it takes.
package enum HostDescriptor {
  /// What a write came to.
  enum WriteResult: Equatable {
    /// This many bytes were taken; fewer than given when the other end is slow.
    case written(Int)
    /// Nobody reads the other end any more.
    case closed
    /// It failed with this error number.
    case failed(Int32)
  }

  /// Writes as much as the descriptor takes without waiting, or everything if it always waits.
  static func write(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> WriteResult {
    var done = 0
    while done < bytes.count {
      let count = bytes.dropFirst(done).withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if count >= 0 {
        done += count
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .written(done)
      case EPIPE, ECONNRESET: return .closed
      default: return .failed(errno)
      }
    }
    return .written(done)
  }

  /// Whether any descriptor that is waited on for input has some, or has ended.
  package static func hasInput(_ interests: [Interest]) -> Bool {
    var requests = interests.filter(\.input).map {
      pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0)
    }
    return !requests.isEmpty && poll(&requests, nfds_t(requests.count), 0) > 0
  }

  /// Reads what is there: nil when there will be no more, empty when nothing has come.
  static func read(_ descriptor: Int32, limit: Int = 4096) -> [UInt8]? {
    var count = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, initialized in
      count = Glibc.read(descriptor, buffer.baseAddress, limit)
      initialized = max(0, count)
    }
    if count > 0 { return bytes }
    if count < 0, errno == EAGAIN || errno == EINTR { return [] }
    return nil
  }
}

/// Reading into several places and writing from several with one call.
import KernelArch

/// A piece of a program's memory, as POSIX's `iovec`.
private struct Vector: BitwiseCopyable {
  var base: UInt64 = 0
  var length: UInt64 = 0
}

extension SystemCalls {
  /// POSIX's IOV_MAX on Linux.
  private static let mostVectors: UInt64 = 1024

  static func readVectors(
    _ descriptor: Int32, _ vectors: UInt64, _ count: UInt64
  ) throws(Failure) -> UInt64 {
    try forEach(vectors, count) { (base, length) throws(Failure) in
      try read(descriptor, base, length)
    }
  }

  static func writeVectors(
    _ descriptor: Int32, _ vectors: UInt64, _ count: UInt64
  ) throws(Failure) -> UInt64 {
    try forEach(vectors, count) { (base, length) throws(Failure) in
      try write(descriptor, base, length)
    }
  }

  /// Moves each piece until one is short; what came before a failure counts.
  private static func forEach(
    _ vectors: UInt64, _ count: UInt64,
    _ move: (UInt64, UInt64) throws(Failure) -> UInt64
  ) throws(Failure) -> UInt64 {
    guard count <= mostVectors else { throw Failure(.invalidArgument) }
    var pieces: [Vector] = []
    var total: UInt64 = 0
    for index in 0..<count {
      let piece = try UserMemory.get(Vector(), at: vectors &+ index * 16)
      guard piece.length <= UInt64(Int64.max) - total else { throw Failure(.invalidArgument) }
      total += piece.length
      pieces.append(piece)
    }
    var done: UInt64 = 0
    // An empty piece has no say, but a bad descriptor is one even then.
    if total == 0 { return try move(0, 0) }
    for piece in pieces where piece.length > 0 {
      do throws(Failure) {
        let moved = try move(piece.base, piece.length)
        done += moved
        if moved < piece.length { break }
      } catch {
        if done > 0 { return done }
        throw error
      }
    }
    return done
  }
}

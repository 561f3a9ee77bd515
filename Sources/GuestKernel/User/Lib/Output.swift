/// Standard output with a buffer: lines go out at once to a terminal, in large pieces to anything else.
package enum Output {
  nonisolated(unsafe) private static var buffer: [UInt8] = []
  nonisolated(unsafe) private static var isTerminal: Bool?
  private static let limit = 4096
  /// Lost output ends a program; the shell, which goes on, asks by `takeFailure`.
  nonisolated(unsafe) package static var survivesFailure = false
  /// What went wrong since somebody asked: output was lost.
  nonisolated(unsafe) private static var failure: SystemError?

  package static func write(_ bytes: UnsafeBufferPointer<UInt8>) {
    buffer.append(contentsOf: bytes)
    if buffer.count >= limit || (buffer.last == 0x0a && goesToTerminal) { flush() }
  }

  /// Writes out what waits; before a fork, and before anything that may not come back.
  package static func flush() {
    guard !buffer.isEmpty else { return }
    let bytes = buffer
    buffer = []
    guard let error = bytes.withUnsafeBytes({ Descriptor.output.write(all: $0) }) else { return }
    // Whoever read our output has gone: POSIX programs die of the signal, and so does this one.
    if error == .brokenPipe { System.exitNow(141) }
    if !survivesFailure {
      complain("write error: \(error.name)")
      System.exitNow(1)
    }
    failure = failure ?? error
  }

  /// Writes out what waits; the error that has lost output, if there was one, is then forgotten.
  package static func takeFailure() -> SystemError? {
    flush()
    defer { failure = nil }
    return failure
  }

  /// After the descriptor has been given another meaning.
  package static func forget() { isTerminal = nil }

  private static var goesToTerminal: Bool {
    if let isTerminal { return isTerminal }
    var settings = TerminalSettings()
    let outcome = withUnsafeMutableBytes(of: &settings) {
      Descriptor.output.deviceControl(DeviceRequest.getTerminal, $0.baseAddress)
    }
    isTerminal = outcome.isSuccess
    return outcome.isSuccess
  }
}

/// Prints text.
package func say(_ line: TextLine) { line.withBytes { Output.write($0) } }

/// Prints bytes.
package func say(bytes: [UInt8]) { bytes.withUnsafeBufferPointer { Output.write($0) } }

extension TextLine.Interpolation {
  /// A number with that many digits after the point.
  package mutating func appendInterpolation(_ value: Double, decimals: Int) {
    var scale: UInt64 = 1
    for _ in 0..<decimals { scale &*= 10 }
    if value < 0 { appendLiteral("-") }
    let scaled = UInt64((value < 0 ? -value : value) * Double(scale) + 0.5)
    appendInterpolation(scaled / scale)
    guard decimals > 0 else { return }
    var fraction: TextLine = "."
    fraction.append(decimal: scaled % scale, width: decimals, fill: 0x30)
    appendInterpolation(fraction)
  }
}

/// How a call fails in Swift: by throwing the kernel's own error number.
extension SystemError: Error {}

extension Outcome {
  /// The result, or the error thrown.
  package func get() throws(SystemError) -> UInt64 {
    switch self {
    case .success(let value): return value
    case .failure(let error): throw error
    }
  }

  /// For calls that have no result but their success.
  package func check() throws(SystemError) { _ = try get() }

  package var isSuccess: Bool {
    if case .success = self { return true }
    return false
  }

  /// The error, if it is one.
  package var error: SystemError? {
    if case .failure(let error) = self { return error }
    return nil
  }
}

extension [UInt8] {
  /// Lends a copy that ends in NUL, as the kernel wants paths.
  package func withPath<Result>(_ body: (UnsafePointer<UInt8>?) -> Result) -> Result {
    (self + [0]).withUnsafeBufferPointer { body($0.baseAddress) }
  }

  /// Bytes from another's memory up to the first NUL.
  package init(untilNUL text: UnsafePointer<UInt8>) {
    var length = 0
    while text[length] != 0 { length += 1 }
    self = Array(UnsafeBufferPointer(start: text, count: length))
  }

  /// The bytes of a line.
  package init(_ line: TextLine) { self = line.withBytes { Array($0) } }
}

/// Ends the program with a word on standard error, as small programs do when they cannot go on.
package func fail(_ line: TextLine, code: Int32 = 1) -> Never {
  complain(line)
  System.exit(code)
}

/// Says what went wrong on standard error; the program's name stands before it.
package func complain(_ line: TextLine) {
  Output.flush()
  var text: TextLine = "\(text: Arguments.programName): "
  text.append(line: line)
  text.append(byte: 0x0a)
  text.withBytes { _ = Descriptor.error.write(all: UnsafeRawBufferPointer($0)) }
}

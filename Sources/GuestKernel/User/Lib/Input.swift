/// A file read line by line, through a buffer.
package struct Input {
  private let descriptor: Descriptor
  private var buffer: [UInt8] = []
  private var position = 0
  private var isAtEnd = false
  /// What stopped the reading, if it was not the end.
  package private(set) var error: SystemError?

  package init(_ descriptor: Descriptor) { self.descriptor = descriptor }

  /// The next line without its newline; nil at the end.
  package mutating func line() -> [UInt8]? {
    var line: [UInt8] = []
    while fill() {
      let rest = buffer[position...]
      if let end = rest.firstIndex(of: 0x0a) {
        line += buffer[position..<end]
        position = end + 1
        return line
      }
      line += rest
      position = buffer.count
    }
    return line.isEmpty ? nil : line
  }

  /// Whatever comes next, at least a byte, at most `limit`; empty at the end.
  package mutating func part(limit: Int = .max) -> [UInt8] {
    guard fill() else { return [] }
    let end = position + min(limit, buffer.count - position)
    defer { position = end }
    return Array(buffer[position..<end])
  }

  private mutating func fill() -> Bool {
    if position < buffer.count { return true }
    if isAtEnd { return false }
    do throws(SystemError) {
      buffer = try descriptor.read(limit: 4096)
    } catch {
      self.error = error
      buffer = []
    }
    position = 0
    isAtEnd = buffer.isEmpty
    return !isAtEnd
  }

  package func close() { if descriptor.rawValue > 2 { _ = Call.close(descriptor.rawValue) } }
}

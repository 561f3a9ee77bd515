import Glibc

/// A regular expression that is looked for in each line of output, as it is written.
///
/// POSIX extended syntax. `$` matches the end of what was written so far, so that a prompt can be
/// waited for.
public final class OutputPattern {
  /// The part of a line that is kept; a longer line is looked at from there on anew.
  private static let lineLimit = 4096

  private let compiled: UnsafeMutablePointer<regex_t>
  private var line: [CChar] = [0]

  /// Compiles the expression that an option gives, or says what is wrong with it.
  public init(_ expression: String, option: String = "--exit-on") throws(HostError) {
    compiled = try Self.compile(expression, option)
  }

  private static func compile(
    _ expression: String, _ option: String
  ) throws(HostError) -> UnsafeMutablePointer<regex_t> {
    let compiled = UnsafeMutablePointer<regex_t>.allocate(capacity: 1)
    compiled.initialize(to: regex_t())
    let status = regcomp(compiled, expression, REG_EXTENDED | REG_NOSUB | REG_NEWLINE)
    guard status != 0 else { return compiled }
    var message = [CChar](repeating: 0, count: 256)
    regerror(status, compiled, &message, message.count)
    compiled.deallocate()
    let end = message.firstIndex(of: 0) ?? message.endIndex
    throw HostError(
      "\(option) \(expression)",
      String(decoding: message[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  deinit {
    regfree(compiled)
    compiled.deallocate()
  }

  /// Whether the line up to and including the next byte of output matches.
  public func matches(next byte: UInt8) -> Bool {
    if byte == UInt8(ascii: "\n") {
      line = [0]
      return false
    }
    // A zero would end the string, and a carriage return is no part of a line.
    guard byte != 0, byte != UInt8(ascii: "\r") else { return false }
    if line.count > Self.lineLimit { line = [0] }
    line[line.count - 1] = CChar(bitPattern: byte)
    line.append(0)
    return regexec(compiled, line, 0, nil, 0) == 0
  }

  /// Whether a whole line matches.
  public func matches(line text: [UInt8]) -> Bool {
    let characters = text.filter { $0 != 0 && $0 != UInt8(ascii: "\r") }
    return regexec(compiled, characters.map { CChar(bitPattern: $0) } + [0], 0, nil, 0) == 0
  }
}

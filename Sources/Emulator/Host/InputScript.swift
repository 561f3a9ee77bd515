/// Input that waits for its guest: each line is typed when the output shows a prompt.
///
/// A shell that opens its terminal throws away what was typed before, as it does on hardware, so
/// that a script which is typed at once loses its beginning.
public final class InputScript {
  private var lines: ArraySlice<ArraySlice<UInt8>>
  private let prompt: OutputPattern
  private var hasMatched = false

  /// Divides a text into lines, which are typed when `prompt` matches.
  public init(_ text: [UInt8], prompt: OutputPattern) {
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    // Behind the last line feed nothing is to be typed.
    self.lines = lines.last?.isEmpty == true ? lines.dropLast() : lines[...]
    self.prompt = prompt
  }

  /// Whether the next byte of output completes a prompt; a line of output asks once.
  public func isPrompt(next byte: UInt8) -> Bool {
    if byte == UInt8(ascii: "\n") { hasMatched = false }
    guard prompt.matches(next: byte), !hasMatched, !lines.isEmpty else { return false }
    hasMatched = true
    return true
  }

  /// The next line with its line feed; nothing behind the last one.
  public func nextLine() -> [UInt8] {
    guard let line = lines.popFirst() else { return [] }
    return line + [UInt8(ascii: "\n")]
  }
}

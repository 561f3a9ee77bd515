/// A file of tests of guests.
///
/// Each line is a statement: a word and its arguments, with `#` before a comment. Statements before
/// the first `test` hold for all tests. README.md lists them.
public struct Manifest: Equatable, Sendable {
  /// The file's name, as it was given.
  public let name: String
  /// The tests, in the order of the file.
  public let tests: [GuestTest]

  /// Reads the text of a manifest, or says which line is wrong and what was expected there.
  public init(_ text: String, name: String) throws(ManifestError) {
    var reader = ManifestReader(name: name)
    let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
    for (index, line) in lines.enumerated() { try reader.read(line, number: index + 1) }
    self.name = name
    tests = try reader.finish(lineCount: lines.count)
  }
}

/// What is wrong with a manifest: file, line, and what was expected.
public struct ManifestError: Error, Equatable, CustomStringConvertible {
  /// `FILE:LINE: SENTENCE`.
  public let description: String

  /// Names the line.
  public init(_ name: String, _ line: Int, _ sentence: String) {
    description = "\(name):\(line): \(sentence)"
  }
}

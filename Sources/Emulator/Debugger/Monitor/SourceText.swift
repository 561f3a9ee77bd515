import Emulator

/// Lines of source files, where the host has them.
enum SourceText {
  /// Everything in a file, or nil.
  static func lines(of path: String) -> [Substring]? {
    guard let bytes = try? HostFile.read(path), bytes.count < 8 << 20 else { return nil }
    return String(decoding: bytes, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
  }

  /// One line, from 1 on.
  static func line(_ number: Int, of path: String) -> String? {
    guard number > 0, let lines = lines(of: path), number <= lines.count else { return nil }
    return String(lines[number - 1])
  }
}

/// A place in a program's source.
public struct SourcePlace: Equatable, Sendable {
  /// The function, as its author wrote its name.
  public var function: String?
  /// The path that the compiler was given, or made of what it was given.
  public var path: String?
  /// The line, from 1 on; 0 where a compiler made code of nothing.
  public var line = 0
  /// The column, from 1 on, or 0.
  public var column = 0
  /// Whether the function was inlined into the next one of a list.
  public var isInlined = false

  /// The path's last part.
  public var file: String? { path.map { String($0.split(separator: "/").last ?? "") } }

  /// `file:line`, or nil.
  public var fileAndLine: String? { file.map { "\($0):\(line)" } }

  /// Whether somebody who says `name` means the file: its last part, or more of its path.
  static func names(_ name: String, path: String) -> Bool {
    path == name || path.hasSuffix("/" + name)
  }
}

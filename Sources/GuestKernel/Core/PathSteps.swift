/// The steps of a path, one component at a time.
///
/// A path walk asks for the next step and takes it; when it comes to a symbolic link, it puts the
/// link's text in front of what is left. What directories exist is the walker's business, so this
/// part is tested without any.
package struct PathSteps {
  package enum Step: Equatable {
    /// To that name; `isLast` when nothing follows.
    case name([UInt8], isLast: Bool)
    /// To the directory above.
    case parent
    case end
  }

  /// Links are followed up to this many times, so that a circle ends.
  package static let maximumLinks = 20
  package static let longestName = 255
  package static let longestPath = 4095

  /// What is left, last component first.
  private var rest: [[UInt8]] = []
  private var links = 0
  /// True when the walk begins at the root: also after following an absolute link.
  package private(set) var isAbsolute: Bool
  /// A slash at the end: the last component must be a directory.
  package private(set) var wantsDirectory = false

  /// Nil when a name is too long.
  package init?(_ path: [UInt8]) {
    isAbsolute = path.first == 0x2f
    guard path.count <= PathSteps.longestPath else { return nil }
    if !push(path) { return nil }
    wantsDirectory = path.last == 0x2f
  }

  package mutating func next() -> Step {
    while let name = rest.popLast() {
      if name.equals(".") {
        if rest.isEmpty { wantsDirectory = true }
        continue
      }
      if name.equals("..") { return .parent }
      return .name(name, isLast: rest.isEmpty)
    }
    return .end
  }

  /// Puts a link's text before the rest; false when there have been too many links, or it is too long.
  package mutating func expand(_ link: [UInt8]) -> Bool {
    links += 1
    guard links <= PathSteps.maximumLinks, !link.isEmpty else { return false }
    isAbsolute = link.first == 0x2f
    if rest.isEmpty, link.last == 0x2f { wantsDirectory = true }
    return push(link)
  }

  private mutating func push(_ path: [UInt8]) -> Bool {
    var end = path.count
    while end > 0 {
      var start = end
      while start > 0, path[start - 1] != 0x2f { start -= 1 }
      guard end - start <= PathSteps.longestName else { return false }
      if start < end { rest.append(Array(path[start..<end])) }
      end = start - 1
    }
    return true
  }
}

/// Patterns for names: `*`, `?`, `[a-z]`, `[!x]`; a backslash takes the meaning of what follows it.
///
/// POSIX.1, "Pattern Matching Notation".
package enum Glob {
  /// Whether all of `name` matches all of `pattern`.
  ///
  /// A star that was tried too short is tried one byte longer; only the last star has to be, so the
  /// time is at most the product of the lengths.
  package static func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
    var p = 0
    var n = 0
    var star: (pattern: Int, name: Int)?
    while n < name.count {
      if p < pattern.count, pattern[p] == Ascii.star {
        star = (p + 1, n)
        p += 1
      } else if let next = step(pattern, p, name[n]) {
        p = next
        n += 1
      } else if let last = star {
        star = (last.pattern, last.name + 1)
        p = last.pattern
        n = last.name + 1
      } else {
        return false
      }
    }
    while p < pattern.count, pattern[p] == Ascii.star { p += 1 }
    return p == pattern.count
  }

  /// Whether there is anything in it that matches more than itself.
  package static func isPattern(_ text: [UInt8]) -> Bool {
    var index = 0
    while index < text.count {
      switch text[index] {
      case Ascii.backslash: index += 1
      case Ascii.star, Ascii.question, Ascii.openBracket: return true
      default: break
      }
      index += 1
    }
    return false
  }

  /// `bytes` as a pattern that matches nothing else.
  package static func quoted(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    for byte in bytes {
      switch byte {
      case Ascii.star, Ascii.question, Ascii.openBracket, Ascii.backslash:
        result.append(Ascii.backslash)
      default: break
      }
      result.append(byte)
    }
    return result
  }

  /// A pattern with the backslashes taken away.
  package static func unquoted(_ pattern: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var index = 0
    while index < pattern.count {
      if pattern[index] == Ascii.backslash, index + 1 < pattern.count { index += 1 }
      result.append(pattern[index])
      index += 1
    }
    return result
  }

  /// The position behind what matches `byte` at `p`, or nil.
  private static func step(_ pattern: [UInt8], _ p: Int, _ byte: UInt8) -> Int? {
    guard p < pattern.count else { return nil }
    switch pattern[p] {
    case Ascii.question:
      return p + 1
    case Ascii.openBracket:
      guard let set = bracket(pattern, p, byte) else {
        return byte == Ascii.openBracket ? p + 1 : nil
      }
      return set.matches ? set.end : nil
    case Ascii.backslash where p + 1 < pattern.count:
      return pattern[p + 1] == byte ? p + 2 : nil
    default:
      return pattern[p] == byte ? p + 1 : nil
    }
  }

  /// A bracket expression; nil when it is not closed and so stands for itself.
  private static func bracket(
    _ pattern: [UInt8], _ start: Int, _ byte: UInt8
  ) -> (matches: Bool, end: Int)? {
    var p = start + 1
    var isNegated = false
    if p < pattern.count, pattern[p] == Ascii.exclamation || pattern[p] == Ascii.caret {
      isNegated = true
      p += 1
    }
    var found = false
    var isFirst = true
    while p < pattern.count, isFirst || pattern[p] != Ascii.closeBracket {
      isFirst = false
      let low = pattern[p]
      var high = low
      if p + 2 < pattern.count, pattern[p + 1] == Ascii.minus,
        pattern[p + 2] != Ascii.closeBracket
      {
        high = pattern[p + 2]
        p += 2
      }
      if byte >= low, byte <= high { found = true }
      p += 1
    }
    guard p < pattern.count else { return nil }
    return (found != isNegated, p + 1)
  }
}

extension Glob {
  /// The paths that match, in order; `names` lists a directory (an empty path is the current one).
  package static func paths(
    _ pattern: [UInt8], _ names: ([UInt8]) -> [[UInt8]]
  ) -> [[UInt8]] {
    var parts: [[UInt8]] = []
    for part in pattern.split(separator: Ascii.slash) { parts.append(Array(part)) }
    var found: [[UInt8]] = [pattern.first == Ascii.slash ? [Ascii.slash] : []]
    for (index, part) in parts.enumerated() {
      let isLast = index == parts.count - 1
      var next: [[UInt8]] = []
      for path in found {
        if !isPattern(part) {
          next.append(path + unquoted(part) + (isLast ? [] : [Ascii.slash]))
          continue
        }
        for name in names(path) where matches(part, name) {
          // A dot at the beginning hides a name from patterns that do not have one.
          if name.first == Ascii.dot, part.first != Ascii.dot { continue }
          next.append(path + name + (isLast ? [] : [Ascii.slash]))
        }
      }
      found = next
    }
    found.sort { $0.precedes($1) }
    return found
  }
}

extension [UInt8] {
  /// The order of bytes, shorter first where one begins like the other.
  package func precedes(_ other: [UInt8]) -> Bool { lexicographicallyPrecedes(other) }
}

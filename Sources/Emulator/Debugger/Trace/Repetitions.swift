/// Collapses lines that repeat: `line x37`, or a group of up to eight as `{ 37 x` … `}`.
enum Repetitions {
  private static let longestGroup = 8

  /// The lines with repetitions collapsed; each keeps the position of its first occurrence.
  static func collapse(_ lines: [TraceLine]) -> [TraceLine] {
    var result: [TraceLine] = []
    var index = 0
    while index < lines.count {
      guard let (length, count) = repetition(lines, at: index) else {
        result.append(lines[index])
        index += 1
        continue
      }
      if length == 1 {
        result.append(
          TraceLine(position: lines[index].position, text: lines[index].text + " x\(count)"))
      } else {
        result.append(TraceLine(position: lines[index].position, text: "{ x\(count)"))
        for line in lines[index..<index + length] {
          result.append(TraceLine(position: line.position, text: "  " + line.text))
        }
        result.append(TraceLine(position: lines[index + length - 1].position, text: "}"))
      }
      index += length * count
    }
    return result
  }

  /// The group at `start` that covers the most lines by repeating itself at once.
  private static func repetition(
    _ lines: [TraceLine], at start: Int
  ) -> (length: Int, count: Int)? {
    var best: (length: Int, count: Int)?
    for length in 1...longestGroup where start + 2 * length <= lines.count {
      var end = start + length
      while end < lines.count, lines[end].text == lines[end - length].text { end += 1 }
      let count = (end - start) / length
      guard count >= 2, count * length > (best.map { $0.length * $0.count } ?? 0) else { continue }
      best = (length, count)
    }
    return best
  }
}

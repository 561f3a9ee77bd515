extension [UInt8] {
  /// What is behind the last dot.
  var lastPart: ArraySlice<UInt8> { suffix(parts: 1) }

  /// The last parts between dots.
  func suffix(parts: Int) -> ArraySlice<UInt8> {
    var left = parts
    var start = endIndex
    while start > 0 {
      if self[start - 1] == UInt8(ascii: ".") {
        left -= 1
        if left == 0 { break }
      }
      start -= 1
    }
    return self[start...]
  }
}

extension ArraySlice<UInt8> {
  /// How many bytes have to be inserted, removed or replaced, or neighbours exchanged, to make one text of
  /// another.
  ///
  /// F. J. Damerau, "A Technique for Computer Detection and Correction of Spelling Errors" (1964).
  func distance(to other: ArraySlice<UInt8>) -> Int {
    let (one, two) = (Array(self), Array(other))
    var before: [Int] = []
    var row = Array(0...two.count)
    for (i, byte) in one.enumerated() {
      var next = [i + 1]
      for (j, candidate) in two.enumerated() {
        var least = Swift.min(row[j] + (byte == candidate ? 0 : 1), row[j + 1] + 1, next[j] + 1)
        if i > 0, j > 0, byte == two[j - 1], candidate == one[i - 1] {
          least = Swift.min(least, before[j - 1] + 1)
        }
        next.append(least)
      }
      (before, row) = (row, next)
    }
    return row[two.count]
  }
}

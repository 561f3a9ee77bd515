/// The name of a function or variable as its author wrote it, taken apart from what the demangler says.
///
/// `generic specialization <Swift.Int> of Kernel.Table.(find in _1F)(_: A, at: Swift.Int) -> A` is a
/// copy of what has the path `Kernel.Table.find` and the labels `(_:at:)`.
struct SourceName: Sendable {
  /// What every copy of one function has in common: the demangled name, but for how it was specialised.
  let declaration: String
  /// The names from the module or outermost namespace to its own, with dots.
  let path: String
  /// The parameters' labels as Swift refers to them; nil where there are none to tell.
  let labels: String?
  /// Whether it is a copy that the compiler made for some of the callers, or shares among functions.
  let isCopy: Bool

  /// The path without the module.
  var shortPath: Substring {
    path.firstIndex(of: ".").map { path[path.index(after: $0)...] } ?? path[...]
  }

  /// What computes a property's value, sets it, or finds where it is.
  private static let accessors = [
    ".getter", ".setter", ".modify", ".read", ".unsafeMutableAddressor",
  ]

  /// The path of the property that an accessor belongs to.
  var property: Substring? {
    Self.accessors.first { path.hasSuffix($0) }.map { path.dropLast($0.count) }
  }

  /// Takes apart what `mangled` was decoded to; nil for what no author gave a name, as closures, thunks
  /// and metadata.
  init?(_ display: String, mangled: String) {
    let isSwift = !mangled.hasPrefix("_Z")
    var reader = Reader(text: Array(display.utf8))
    isCopy = isSwift && reader.skipSpecialisation()
    let start = reader.position
    if isSwift { reader.skipAttributes() }
    let parts = isSwift ? reader.swiftPath() : reader.itaniumPath()
    guard parts.count > (isSwift ? 1 : 0) else { return nil }
    path = parts.joined(separator: ".")
    guard isSwift else {
      declaration = display
      labels = nil
      return
    }
    guard reader.isAtEndOfName else { return nil }
    labels = reader.labels()
    let whole = String(decoding: reader.text[start...], as: UTF8.self)
    declaration =
      whole.firstRange(of: " with unmangled suffix ").map {
        String(whole[..<$0.lowerBound])
      } ?? whole
  }

  /// Whether somebody who types a path, as much of its end as is needed, may mean this.
  func matches(path typed: String, labels wanted: String?) -> Bool {
    Self.ends(path, with: typed) && (wanted == nil || wanted == labels)
  }

  /// Whether somebody who types a path may mean the property that this belongs to.
  func matches(property typed: String) -> Bool {
    property.map { Self.ends($0, with: typed) } ?? false
  }

  private static func ends(_ path: some StringProtocol, with typed: String) -> Bool {
    guard path.hasSuffix(typed) else { return false }
    return path.utf8.count == typed.utf8.count || path.dropLast(typed.count).hasSuffix(".")
  }
}

extension SourceName {
  /// Reads a demangled name from left to right.
  private struct Reader {
    let text: [UInt8]
    var position = 0

    private var next: UInt8? { position < text.count ? text[position] : nil }

    private func starts(with word: StaticString) -> Bool {
      word.withUTF8Buffer { text[position...].starts(with: $0) }
    }

    private mutating func take(_ word: StaticString) -> Bool {
      guard starts(with: word) else { return false }
      position += word.utf8CodeUnitCount
      return true
    }

    /// Skips what says how copies were made: of some types, for some arguments, for several functions.
    mutating func skipSpecialisation() -> Bool {
      var isCopy = false
      while true {
        let start = position
        if take("merged ") {
          isCopy = true
          continue
        }
        let kinds: [StaticString] = ["generic ", "function signature "]
        guard kinds.contains(where: starts) else { return isCopy }
        while let byte = next, byte != UInt8(ascii: "<"), byte != UInt8(ascii: "(") {
          position += 1
        }
        guard text[..<position].hasSuffix("specialization "), skipAngles(), take(" of ") else {
          position = start
          return isCopy
        }
        isCopy = true
      }
    }

    /// Skips what may stand before a declaration.
    mutating func skipAttributes() {
      while take("static ") || take("class ") || take("@objc ") {}
      if starts(with: "(extension in ") {
        skipBrackets()
        _ = take(":")
      }
    }

    /// Skips what is in angles; the demangler forgets to close some other brackets there.
    private mutating func skipAngles() -> Bool {
      var depth = 0
      repeat {
        guard let byte = next else { return false }
        if byte == UInt8(ascii: "<") { depth += 1 }
        if byte == UInt8(ascii: ">"), text[position - 1] != UInt8(ascii: "-") { depth -= 1 }
        position += 1
      } while depth > 0
      return true
    }

    /// Skips a bracket, with what is in it.
    @discardableResult
    private mutating func skipBrackets() -> Bool {
      var depth = 0
      repeat {
        switch next {
        case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "<"): depth += 1
        case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
        // An arrow is no bracket.
        case UInt8(ascii: ">"): depth -= text[position - 1] == UInt8(ascii: "-") ? 0 : 1
        case nil: return false
        default: break
        }
        position += 1
      } while depth > 0
      return true
    }

    private static func isIdentifier(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
        true
      default: false
      }
    }

    /// The names of a Swift path, as far as it goes.
    mutating func swiftPath() -> [String] {
      var parts: [String] = []
      repeat {
        guard let part = swiftPart() else { return [] }
        parts.append(part)
        if next == UInt8(ascii: "<") { skipBrackets() }
      } while take(".")
      return parts
    }

    private mutating func swiftPart() -> String? {
      let start = position
      guard let first = next else { return nil }
      if first == UInt8(ascii: "(") {
        // What is private says in which file: `(name in _0123)`.
        skipBrackets()
        let inside = String(decoding: text[start + 1..<max(position - 1, start + 1)], as: UTF8.self)
        return inside.firstRange(of: " in _").map { String(inside[..<$0.lowerBound]) }
      }
      // An operator may have dots and brackets; a space follows it.
      let isOperator = !Self.isIdentifier(first)
      while let byte = next, isOperator ? byte != UInt8(ascii: " ") : Self.isIdentifier(byte) {
        position += 1
      }
      return String(decoding: text[start..<position], as: UTF8.self)
    }

    /// The names of a C++ or Rust path, without what stands before it.
    mutating func itaniumPath() -> [String] {
      var parts: [String] = []
      var part: [UInt8] = []
      loop: while let byte = next {
        switch byte {
        case UInt8(ascii: "(") where starts(with: "(anonymous namespace)"), UInt8(ascii: "<"):
          skipBrackets()
          continue
        case UInt8(ascii: "("): break loop
        case UInt8(ascii: " "):
          parts = []
          part = []
        case UInt8(ascii: ":") where starts(with: "::"):
          position += 1
          if !part.isEmpty { parts.append(String(decoding: part, as: UTF8.self)) }
          part = []
        default: part.append(byte)
        }
        position += 1
      }
      // Rust ends its names with a number of its own.
      let isNumber = part.count == 17 && part.first == UInt8(ascii: "h")
      return part.isEmpty || isNumber ? parts : parts + [String(decoding: part, as: UTF8.self)]
    }

    /// Whether what follows a path is what follows the name of a function, a variable or an operator.
    var isAtEndOfName: Bool {
      next == nil || starts(with: "(") || starts(with: " : ") || starts(with: " with ")
        || starts(with: " infix(") || starts(with: " prefix(") || starts(with: " postfix(")
    }

    /// The labels of the parameters that follow.
    mutating func labels() -> String? {
      guard take("(") else { return nil }
      var labels = "("
      while let byte = next, byte != UInt8(ascii: ")") {
        let label = text[position...].prefix(while: Self.isIdentifier)
        let isLabel = text[(position + label.count)...].first == UInt8(ascii: ":")
        labels += isLabel ? String(decoding: label, as: UTF8.self) + ":" : "_:"
        while let byte = next, byte != UInt8(ascii: ","), byte != UInt8(ascii: ")") {
          switch byte {
          case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "<"): skipBrackets()
          default: position += 1
          }
        }
        _ = take(", ")
      }
      return labels + ")"
    }
  }
}

extension ArraySlice<UInt8> {
  fileprivate func hasSuffix(_ word: StaticString) -> Bool {
    word.withUTF8Buffer { suffix($0.count).elementsEqual($0) }
  }
}

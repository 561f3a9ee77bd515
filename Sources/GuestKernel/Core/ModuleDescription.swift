/// What a module says about itself: `key=value` lines in its section `.modinfo`, each ending in NUL.
///
/// The build makes the section from the file `module` beside the sources: `license`, `author`,
/// `description`, `depends` (names, with commas between), `identity` (of the kernel it was built for),
/// one `parameter=NAME:TYPE:WHAT IT IS` per parameter, and for backtraces a `symbol=SYMBOL:NAME` with the
/// readable name of each symbol of Swift's.
package struct ModuleDescription {
  package enum ParameterType: UInt8 {
    case int
    case uint
    case bool
    case string

    package var name: StaticString {
      switch self {
      case .int: "int"
      case .uint: "uint"
      case .bool: "bool"
      case .string: "string"
      }
    }

    package init?(_ text: [UInt8]) {
      if text.equals("int") {
        self = .int
      } else if text.equals("uint") {
        self = .uint
      } else if text.equals("bool") {
        self = .bool
      } else if text.equals("string") {
        self = .string
      } else {
        return nil
      }
    }
  }

  package struct Parameter {
    package var name: [UInt8]
    package var type: ParameterType
    package var meaning: [UInt8]
  }

  package var name: [UInt8] = []
  package var license: [UInt8] = []
  package var author: [UInt8] = []
  package var description: [UInt8] = []
  package var identity: [UInt8] = []
  package var depends: [[UInt8]] = []
  package var parameters: [Parameter] = []
  package var readableNames: [(symbol: [UInt8], name: [UInt8])] = []

  package init() {}

  package init(_ section: [UInt8]) {
    for entry in section.split(separator: 0) {
      guard let equals = entry.firstIndex(of: 0x3d) else { continue }
      read(key: Array(entry[..<equals]), value: Array(entry[(equals + 1)...]))
    }
  }

  /// What the source calls a symbol: itself, unless it is Swift's.
  package func readableName(of symbol: [UInt8]) -> [UInt8] {
    for entry in readableNames where entry.symbol == symbol { return entry.name }
    return symbol
  }

  private mutating func read(key: [UInt8], value: [UInt8]) {
    if key.equals("name") {
      name = value
    } else if key.equals("license") {
      license = value
    } else if key.equals("author") {
      author = value
    } else if key.equals("description") {
      description = value
    } else if key.equals("identity") {
      identity = value
    } else if key.equals("depends") {
      for name in value.split(separator: 0x2c) { depends.append(Array(name)) }
    } else if key.equals("symbol") {
      let parts = value.split(separator: 0x3a, maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { readableNames.append((Array(parts[0]), Array(parts[1]))) }
    } else if key.equals("parameter") {
      let parts = value.split(separator: 0x3a, maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count >= 2, let type = ParameterType(Array(parts[1])) else { return }
      parameters.append(
        Parameter(
          name: Array(parts[0]), type: type, meaning: parts.count > 2 ? Array(parts[2]) : []))
    }
  }
}

/// What the build appends to a signed module: the signature of all bytes before it, and this mark.
package enum ModuleSignature {
  package static let mark: StaticString = "~Apus module signed~\n"
  private static let signatureSize = 64

  /// Splits a file into the module and its signature; without the mark all of it is the module.
  package static func split(
    _ file: UnsafeRawBufferPointer
  ) -> (module: UnsafeRawBufferPointer, signature: [UInt8]?) {
    let markSize = mark.utf8CodeUnitCount
    let end = file.count - markSize
    guard end >= signatureSize, Array(file[end...]).equals(mark) else { return (file, nil) }
    let module = UnsafeRawBufferPointer(rebasing: file[..<(end - signatureSize)])
    return (module, Array(file[(end - signatureSize)..<end]))
  }

  /// The end of a signed file.
  package static func trailer(_ signature: [UInt8]) -> [UInt8] {
    signature + [UInt8](text: mark)
  }
}

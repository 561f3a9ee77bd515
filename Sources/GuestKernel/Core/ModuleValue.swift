/// The value of a module's parameter, as text gives it and as memory holds it.
package enum ModuleValue: Equatable {
  case number(UInt64)
  case flag(Bool)
  case text([UInt8])

  /// Reads `text` as that type; nil when it is none.
  package init?(_ text: [UInt8], as type: ModuleDescription.ParameterType) {
    switch type {
    case .int:
      let isNegative = text.first == 0x2d
      guard let size = Self.magnitude(isNegative ? Array(text.dropFirst()) : text) else {
        return nil
      }
      guard size <= UInt64(Int64.max) + (isNegative ? 1 : 0) else { return nil }
      self = .number(isNegative ? 0 &- size : size)
    case .uint:
      guard let size = Self.magnitude(text) else { return nil }
      self = .number(size)
    case .bool:
      if text.isEmpty || text.equals("1") || text.equals("y") || text.equals("Y") {
        self = .flag(true)
      } else if text.equals("0") || text.equals("n") || text.equals("N") {
        self = .flag(false)
      } else {
        return nil
      }
    case .string:
      self = .text(text)
    }
  }

  /// Decimal, or hexadecimal after 0x.
  private static func magnitude(_ text: [UInt8]) -> UInt64? {
    guard text.starts(with: "0x") else { return text.decimal }
    guard text.count > 2, text.count <= 18 else { return nil }
    var value: UInt64 = 0
    for byte in text.dropFirst(2) {
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte - 0x30
      case 0x61...0x66: digit = byte - 0x57
      case 0x41...0x46: digit = byte - 0x37
      default: return nil
      }
      value = value << 4 | UInt64(digit)
    }
    return value
  }

  package func line(as type: ModuleDescription.ParameterType) -> TextLine {
    switch self {
    case .number(let value):
      type == .int ? "\(Int64(bitPattern: value))" : "\(value)"
    case .flag(let isSet): isSet ? "Y" : "N"
    case .text(let bytes): "\(text: bytes)"
    }
  }
}

extension ModuleObject {
  /// The symbol of a module's parameter: a label of that name in assembly, or a public variable of
  /// that name and type in Swift, by its mangled name.
  ///
  /// For a string it is the variable's addressor: an array is initialized when it is first asked for.
  package func parameterSymbol(
    _ parameter: ModuleDescription.Parameter, module: [UInt8]
  ) throws(ModuleError) -> Int? {
    let swift = Self.mangled(parameter, module: module)
    for index in 1..<max(1, symbolCount) {
      let symbol = try symbol(index)
      guard !symbol.isUndefined else { continue }
      let name = Array(name(of: symbol))
      if name == swift || parameter.type != .string && name == parameter.name { return index }
    }
    return nil
  }

  private static func mangled(
    _ parameter: ModuleDescription.Parameter, module: [UInt8]
  ) -> [UInt8] {
    var name: TextLine = "$e\(module.count)\(text: module)"
    name.append(line: "\(parameter.name.count)\(text: parameter.name)")
    switch parameter.type {
    case .int: name.append("Si")
    case .uint: name.append("Su")
    case .bool: name.append("Sb")
    case .string: name.append("Says5UInt8VG")
    }
    name.append(parameter.type == .string ? "vau" : "vp")
    return name.withBytes { Array($0) }
  }
}

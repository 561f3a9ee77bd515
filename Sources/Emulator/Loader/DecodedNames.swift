import Synchronization

/// Encoded names, decoded when somebody asks for the first.
final class DecodedNames: Sendable {
  /// A symbol with its author's name.
  struct Name: Sendable {
    let symbol: SymbolTable.Symbol
    let source: SourceName
  }

  /// Those with names of their authors, in the order of addresses.
  let names: [Name]
  /// All of them, also what compilers made besides.
  let encoded: [SymbolTable.Symbol]
  /// The other names.
  let plain: [String]

  init(_ symbols: [SymbolTable.Symbol]) {
    var names: [Name] = []
    var encoded: [SymbolTable.Symbol] = []
    var plain: [String] = []
    for symbol in symbols {
      let display = symbol.displayName
      guard display != symbol.name else {
        plain.append(display)
        continue
      }
      encoded.append(symbol)
      if let source = SourceName(display, mangled: symbol.name) {
        names.append(Name(symbol: symbol, source: source))
      }
    }
    self.names = names
    self.encoded = encoded
    self.plain = plain
  }

  /// Makes the names of a table once.
  final class Maker: Sendable {
    private let made = Mutex<DecodedNames?>(nil)

    func names(_ symbols: [SymbolTable.Symbol]) -> DecodedNames {
      made.withLock { made in
        if let made { return made }
        let new = DecodedNames(symbols)
        made = new
        return new
      }
    }
  }
}

import Glibc

/// Makes encoded names readable.
package enum Demangler {
  /// The Swift name behind a symbol, or the symbol itself.
  package static func demangle(_ name: String) -> String {
    guard name.hasPrefix("$s") || name.hasPrefix("$e") || name.hasPrefix("_$") else { return name }
    // Embedded Swift mangles as Swift does, with another prefix.
    let usual = name.hasPrefix("$e") ? "$s" + name.dropFirst(2) : name
    guard
      let decoded = usual.withCString({ swiftDemangle($0, strlen($0), nil, nil, 0) })
    else { return name }
    defer { free(decoded) }
    return String(cString: decoded)
  }
}

/// The demangler of the Swift runtime.
@_silgen_name("swift_demangle")
private func swiftDemangle(
  _ name: UnsafePointer<CChar>, _ length: Int, _ output: UnsafeMutablePointer<CChar>?,
  _ outputSize: UnsafeMutablePointer<Int>?, _ flags: UInt32
) -> UnsafeMutablePointer<CChar>?

import Glibc

/// Makes encoded names readable.
package enum Demangler {
  /// The Swift or C++ name behind a symbol, or the symbol itself.
  package static func demangle(_ name: String) -> String {
    if name.hasPrefix("_Z") { return itanium(name) ?? name }
    guard name.hasPrefix("$s") || name.hasPrefix("$e") || name.hasPrefix("_$") else { return name }
    // Embedded Swift mangles as Swift does, with another prefix.
    let usual = name.hasPrefix("$e") ? "$s" + name.dropFirst(2) : name
    guard
      let decoded = usual.withCString({ swiftDemangle($0, strlen($0), nil, nil, 0) })
    else { return name }
    defer { free(decoded) }
    return String(cString: decoded)
  }

  private typealias Decode =
    @convention(c) (
      UnsafePointer<CChar>, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<Int>?,
      UnsafeMutablePointer<CInt>?
    ) -> UnsafeMutablePointer<CChar>?

  /// The demangler of the C++ library, which the Swift runtime itself is linked with.
  private static let decodeItanium: Decode? = dlsym(nil, "__cxa_demangle").map {
    unsafeBitCast($0, to: Decode.self)
  }

  /// The C++ name behind a symbol; nil if it is none.
  private static func itanium(_ name: String) -> String? {
    guard let decoded = name.withCString({ decodeItanium?($0, nil, nil, nil) }) else { return nil }
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

/// A symbol's name as 64 bits: the kernel's table of names for modules holds these instead of text.
///
/// FNV-1a. The build checks that no two symbols of the kernel share a value; that a name the kernel
/// does not have hits one by chance is as likely as one in 2⁵⁰.
package enum SymbolHash {
  package static func of(_ name: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }
}

/// The names of the bits of control registers.
enum BitNames {
  static let cr0: [(UInt64, String)] = [
    (0, "PE"), (1, "MP"), (2, "EM"), (3, "TS"), (4, "ET"), (5, "NE"), (16, "WP"), (18, "AM"),
    (29, "NW"), (30, "CD"), (31, "PG"),
  ]
  static let cr4: [(UInt64, String)] = [
    (0, "VME"), (1, "PVI"), (2, "TSD"), (3, "DE"), (4, "PSE"), (5, "PAE"), (6, "MCE"), (7, "PGE"),
    (8, "PCE"), (9, "OSFXSR"), (10, "OSXMMEXCPT"), (11, "UMIP"), (12, "LA57"), (16, "FSGSBASE"),
    (17, "PCIDE"), (18, "OSXSAVE"), (20, "SMEP"), (21, "SMAP"), (22, "PKE"),
  ]
  static let efer: [(UInt64, String)] = [(0, "SCE"), (8, "LME"), (10, "LMA"), (11, "NXE")]

  /// The names of the set bits.
  static func list(_ value: UInt64, _ names: [(UInt64, String)]) -> String {
    names.filter { value >> $0.0 & 1 != 0 }.map(\.1).joined(separator: " ")
  }
}

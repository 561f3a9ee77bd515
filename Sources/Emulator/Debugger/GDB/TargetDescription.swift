import Emulator

/// The XML by which GDB learns what registers there are.
///
/// Manual of GDB, "Target Description Format".
struct TargetDescription {
  /// A type whose bits have names.
  private struct Flags {
    var id: String
    var size: Int
    /// Names by their lowest bit, with how many bits they have.
    var fields: [(bit: Int, name: String, count: Int)]

    init(_ id: String, size: Int, _ fields: [(Int, String)], wide: [(Int, String, Int)] = []) {
      self.id = id
      self.size = size
      self.fields = (fields.map { ($0.0, $0.1, 1) } + wide).sorted { $0.0 < $1.0 }
    }

    var text: String {
      let lines = fields.map {
        "<field name=\"\($0.name)\" start=\"\($0.bit)\" end=\"\($0.bit + $0.count - 1)\"/>"
      }
      return "<flags id=\"\(id)\" size=\"\(size)\">\n\(lines.joined(separator: "\n"))\n</flags>\n"
    }
  }

  private static let rflags = Flags(
    "i386_eflags", size: 4,
    [
      (0, "CF"), (1, ""), (2, "PF"), (4, "AF"), (6, "ZF"), (7, "SF"), (8, "TF"), (9, "IF"),
      (10, "DF"), (11, "OF"), (14, "NT"), (16, "RF"), (17, "VM"), (18, "AC"), (19, "VIF"),
      (20, "VIP"), (21, "ID"),
    ], wide: [(12, "IOPL", 2)])

  private static let mxcsr = Flags(
    "i386_mxcsr", size: 4,
    [
      (0, "IE"), (1, "DE"), (2, "ZE"), (3, "OE"), (4, "UE"), (5, "PE"), (6, "DAZ"), (7, "IM"),
      (8, "DM"), (9, "ZM"), (10, "OM"), (11, "UM"), (12, "PM"), (15, "FZ"),
    ], wide: [(13, "RC", 2)])

  private static let cr0 = Flags(
    "emu_cr0", size: 8,
    [
      (0, "PE"), (1, "MP"), (2, "EM"), (3, "TS"), (4, "ET"), (5, "NE"), (16, "WP"), (18, "AM"),
      (29, "NW"), (30, "CD"), (31, "PG"),
    ])

  private static let cr4 = Flags(
    "emu_cr4", size: 8,
    [
      (0, "VME"), (1, "PVI"), (2, "TSD"), (3, "DE"), (4, "PSE"), (5, "PAE"), (6, "MCE"),
      (7, "PGE"), (8, "PCE"), (9, "OSFXSR"), (10, "OSXMMEXCPT"), (11, "UMIP"), (12, "LA57"),
      (16, "FSGSBASE"), (17, "PCIDE"), (18, "OSXSAVE"), (20, "SMEP"), (21, "SMAP"), (22, "PKE"),
    ])

  private static let efer = Flags(
    "emu_efer", size: 8, [(0, "SCE"), (8, "LME"), (10, "LMA"), (11, "NXE")])

  private static let vectors = """
    <vector id="v4f" type="ieee_single" count="4"/>
    <vector id="v2d" type="ieee_double" count="2"/>
    <vector id="v16i8" type="int8" count="16"/>
    <vector id="v8i16" type="int16" count="8"/>
    <vector id="v4i32" type="int32" count="4"/>
    <vector id="v2i64" type="int64" count="2"/>
    <union id="vec128">
    <field name="v4_float" type="v4f"/>
    <field name="v2_double" type="v2d"/>
    <field name="v16_int8" type="v16i8"/>
    <field name="v8_int16" type="v8i16"/>
    <field name="v4_int32" type="v4i32"/>
    <field name="v2_int64" type="v2i64"/>
    <field name="uint128" type="uint128"/>
    </union>

    """

  /// The types that a feature's registers need.
  private static func types(of feature: String) -> String {
    switch feature {
    case "org.gnu.gdb.i386.core": rflags.text
    case "org.gnu.gdb.i386.sse": vectors + mxcsr.text
    case "emu.x86.system": cr0.text + cr4.text
    case "emu.x86.msr": efer.text
    default: ""
    }
  }

  /// The description of a layout.
  static func text(_ layout: RegisterLayout) -> String {
    var text = """
      <?xml version="1.0"?>
      <!DOCTYPE target SYSTEM "gdb-target.dtd">
      <target>
      <architecture>\(layout.architecture.rawValue)</architecture>
      <osabi>none</osabi>

      """
    var number = 0
    for feature in layout.features {
      text += "<feature name=\"\(feature.name)\">\n" + types(of: feature.name)
      for field in feature.fields {
        text += "<reg name=\"\(field.name)\" bitsize=\"\(field.bits)\" type=\"\(field.type)\""
        text += " regnum=\"\(number)\""
        if let group = field.group { text += " group=\"\(group)\"" }
        // A function called from the debugger must not bring these back.
        if feature.name.hasPrefix("emu.") { text += " save-restore=\"no\"" }
        text += "/>\n"
        number += 1
      }
      text += "</feature>\n"
    }
    return text + "</target>\n"
  }
}

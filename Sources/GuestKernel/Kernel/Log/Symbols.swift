/// The kernel's own symbol table, `.kallsyms`, written by Tools/ksymgen.swift between two links.
import KernelArch

enum Symbols {
  /// The name of the function or object that `address` lies in, and the offset there.
  static func describe(_ address: UInt64) -> TextLine {
    var line = TextLine()
    guard address >= linker_text_start(), address < linker_data_end() else {
      line.append("?")
      return line
    }
    let table = address_of_kallsyms_start()
    let offset = UInt32(truncatingIfNeeded: address &- Layout.image)
    var low = 0
    var high = address_of_kallsyms_end() - table
    while low < high {
      let middle = (low + high) / 2
      if table[middle].offset <= offset { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else {
      line.append("?")
      return line
    }
    var name = address_of_kallsyms_names() + Int(table[low - 1].name)
    while name.pointee != 0 {
      line.append(byte: UInt8(bitPattern: name.pointee))
      name += 1
    }
    line.append(" + ")
    line.append(decimal: UInt64(offset &- table[low - 1].offset))
    return line
  }
}

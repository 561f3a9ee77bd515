import Emulator

/// Deltas as the text that the Tenet trace explorer reads: the registers that changed, a line an
/// instruction, and the memory that was written.
public struct TenetTrace {
  /// The text of the deltas of one processor.
  public static func text(_ deltas: [UInt8], processors: Int, processor: Int = 0) -> String {
    var decoder = DeltaDecoder(deltas, processors: processors)
    var lines = ""
    var isFirst = true
    while let delta = decoder.next() {
      guard delta.processor == processor else { continue }
      // The line before an instruction has its RIP: values are those at its beginning.
      if isFirst { lines += "rip=\(delta.rip.hex)\n" }
      isFirst = false
      var parts: [String] = []
      for index in 0..<16 where delta.changed &>> UInt16(index) & 1 != 0 {
        parts.append("\(RegisterNames.general[index])=\(delta.registers[index].hex)")
      }
      parts.append("rip=\(delta.next.hex)")
      for store in delta.stores {
        let bytes = (0..<store.count).map { index in
          (store.value &>> (UInt64(index) &* 8) & 0xFF).hex(digits: 2)
        }
        let all = String(repeating: bytes.joined(), count: Int(store.times))
        parts.append("mw=\(store.address.hex):\(all)")
      }
      lines += parts.joined(separator: ",") + "\n"
    }
    return lines
  }
}

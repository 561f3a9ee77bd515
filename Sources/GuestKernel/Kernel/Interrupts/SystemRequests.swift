/// `/proc/mishaps` makes, for each letter written there, a mistake that the kernel then names.
/// `/proc/irq` takes a line and the processor it is to go to.
import KernelArch

enum SystemRequests {
  static func start() {
    if Configuration.MISTAKES {
      ProcFS.add("mishaps", write: { bytes in mishap(bytes.first ?? 0) }) { text in
        text.append("a sleep with a spinlock held\nd a spinlock taken twice\n")
        text.append("m an oops with a mutex held\n")
        text.append("e an assertion that does not hold\n")
      }
    }
    ProcFS.add("irq", write: setAffinity) { text in
      for line in IRQ.allLines where line.number >= 0 {
        text.append("\(line.number) \(line.processor)\n")
      }
    }
  }

  private static func mishap(_ letter: UInt8) -> SystemError? {
    switch letter {
    case 0x61:
      SpinLock("a").withLock { Thread.sleep(nanoseconds: 1000) }
    case 0x64:
      let lock = SpinLock("d")
      lock.withLock { lock.withLock {} }
    case 0x6d:
      fragile.lock()
      _ = mmio_read32(8)
    case 0x65:
      kernelAssertEqual(CPU.count + 1, CPU.count, "the number of processors")
    default:
      return .invalidArgument
    }
    return nil
  }

  private static let fragile = Mutex("fragile")

  /// "LINE PROCESSOR", in decimal.
  private static func setAffinity(_ bytes: [UInt8]) -> SystemError? {
    let words = bytes.split { $0 == 0x20 || $0 == 0x0a }
    guard words.count == 2, let line = number(words[0]), let processor = number(words[1]),
      IRQ.setAffinity(line, processor)
    else { return .invalidArgument }
    return nil
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    var value = 0
    for digit in digits {
      guard digit >= 0x30, digit <= 0x39, value < 100_000 else { return nil }
      value = value * 10 + Int(digit - 0x30)
    }
    return value
  }
}

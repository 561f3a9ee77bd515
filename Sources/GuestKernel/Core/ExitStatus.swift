/// How a process ended or what became of it, as the word that `wait4` stores.
package enum ExitStatus: Equatable {
  case exited(code: Int32)
  case signaled(Signal, dumped: Bool)
  case stopped(Signal)
  case continued

  package init?(word: UInt32) {
    let low = Int32(word & 0x7f)
    let high = Int32(word >> 8 & 0xff)
    if word == 0xffff {
      self = .continued
    } else if low == 0x7f {
      guard let signal = Signal(high) else { return nil }
      self = .stopped(signal)
    } else if low == 0 {
      self = .exited(code: high)
    } else {
      guard let signal = Signal(low) else { return nil }
      self = .signaled(signal, dumped: word & 0x80 != 0)
    }
  }

  package var word: UInt32 {
    switch self {
    case .exited(let code): (UInt32(bitPattern: code) & 0xff) << 8
    case .signaled(let signal, let dumped): UInt32(signal.number) | (dumped ? 0x80 : 0)
    case .stopped(let signal): UInt32(signal.number) << 8 | 0x7f
    case .continued: 0xffff
    }
  }
}

/// The options of `wait4` and `waitid`.
package struct WaitOptions: OptionSet {
  package let rawValue: UInt64
  package init(rawValue: UInt64) { self.rawValue = rawValue }
  /// Returns at once when there is nothing to tell.
  package static let noHang = WaitOptions(rawValue: 1)
  package static let stopped = WaitOptions(rawValue: 2)
  package static let exited = WaitOptions(rawValue: 4)
  package static let continued = WaitOptions(rawValue: 8)
  /// Leaves the child as it is, to be waited for again.
  package static let noWait = WaitOptions(rawValue: 0x0100_0000)
}

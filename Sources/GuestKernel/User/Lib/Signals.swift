/// Signals: what the kernel tells a process between two of its instructions.
///
/// POSIX.1: sigaction, sigprocmask, sigaltstack, kill; numbers and structures as Linux has them.
import UserSystem

package struct Signal: Equatable {
  package let rawValue: Int32
  package init(_ rawValue: Int32) { self.rawValue = rawValue }

  package static let hangUp = Signal(1)
  package static let interrupt = Signal(2)
  package static let quit = Signal(3)
  package static let illegal = Signal(4)
  package static let trap = Signal(5)
  package static let abort = Signal(6)
  package static let busError = Signal(7)
  package static let arithmetic = Signal(8)
  package static let kill = Signal(9)
  package static let user1 = Signal(10)
  package static let segmentation = Signal(11)
  package static let user2 = Signal(12)
  package static let pipe = Signal(13)
  package static let alarm = Signal(14)
  package static let terminate = Signal(15)
  package static let child = Signal(17)
  package static let `continue` = Signal(18)
  package static let stop = Signal(19)
  package static let terminalStop = Signal(20)
  package static let terminalInput = Signal(21)
  package static let terminalOutput = Signal(22)
  package static let windowChange = Signal(28)
  package static let io = Signal(29)

  /// Its name without SIG.
  package var name: StaticString {
    for (signal, name) in Self.names where signal == rawValue { return name }
    return "?"
  }

  /// From a number, or a name with or without SIG.
  package init?(named text: [UInt8]) {
    if let number = text.decimal, number < 65 {
      self.init(Int32(number))
      return
    }
    let name = text.starts(with: "SIG") ? Array(text.dropFirst(3)) : text
    for (signal, known) in Self.names where name.equals(known) {
      self.init(signal)
      return
    }
    return nil
  }

  package static var names: [(Int32, StaticString)] {
    [
      (1, "HUP"), (2, "INT"), (3, "QUIT"), (4, "ILL"), (5, "TRAP"), (6, "ABRT"), (7, "BUS"),
      (8, "FPE"), (9, "KILL"), (10, "USR1"), (11, "SEGV"), (12, "USR2"), (13, "PIPE"),
      (14, "ALRM"), (15, "TERM"), (17, "CHLD"), (18, "CONT"), (19, "STOP"), (20, "TSTP"),
      (21, "TTIN"), (22, "TTOU"), (28, "WINCH"), (29, "IO"),
    ]
  }

  package var mask: UInt64 { 1 << UInt64(rawValue - 1) }
}

/// What happens when a signal arrives.
package struct SignalAction {
  package typealias Handler =
    @convention(c) (Int32, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void

  package struct Flags: OptionSet {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package static let information = Flags(rawValue: 4)
    /// On the stack of `sigaltstack`.
    package static let alternateStack = Flags(rawValue: 0x0800_0000)
    /// A call that was interrupted starts again.
    package static let restart = Flags(rawValue: 0x1000_0000)
    /// The signal is not masked in its own handler.
    package static let noDefer = Flags(rawValue: 0x4000_0000)
    package static let once = Flags(rawValue: 0x8000_0000)
    package static let restorer = Flags(rawValue: 0x0400_0000)
    package static let noStoppedChildren = Flags(rawValue: 1)
  }

  private var handler: UInt64
  private var flags: UInt64
  private var restorer: UInt64
  private var masked: UInt64

  /// The default action.
  package static let standard = SignalAction(handler: 0, flags: 0, restorer: 0, masked: 0)
  package static let ignore = SignalAction(handler: 1, flags: 0, restorer: 0, masked: 0)

  private init(handler: UInt64, flags: UInt64, restorer: UInt64, masked: UInt64) {
    self.handler = handler
    self.flags = flags
    self.restorer = restorer
    self.masked = masked
  }

  /// Calls a function, with `masked` blocked meanwhile.
  package init(_ handler: Handler, flags: Flags = .restart, masked: UInt64 = 0) {
    self.init(
      handler: UInt64(UInt(bitPattern: unsafeBitCast(handler, to: UnsafeRawPointer.self))),
      flags: flags.union(.restorer).rawValue, restorer: address_of_signal_return(), masked: masked)
  }

  /// Makes it the action of `signal`; returns the one before.
  @discardableResult
  package func install(for signal: Signal) -> Result<SignalAction, SystemError> {
    var new = self
    var old = SignalAction.standard
    let outcome = withUnsafeBytes(of: &new) { new in
      withUnsafeMutableBytes(of: &old) { old in
        Call.rt_sigaction(signal.rawValue, new.baseAddress, old.baseAddress, 8)
      }
    }
    if let error = outcome.error { return .failure(error) }
    return .success(old)
  }
}

package enum SignalMask {
  package enum Change: Int32 {
    case block = 0
    case unblock = 1
    case set = 2
  }

  /// Changes the signals blocked for this thread; returns those blocked before.
  @discardableResult
  package static func change(_ how: Change, _ signals: UInt64) -> UInt64 {
    var new = signals
    var old: UInt64 = 0
    withUnsafeBytes(of: &new) { new in
      withUnsafeMutableBytes(of: &old) { old in
        _ = Call.rt_sigprocmask(how.rawValue, new.baseAddress, old.baseAddress, 8)
      }
    }
    return old
  }

  /// Waits with another mask until a handler has run.
  package static func suspend(_ mask: UInt64) {
    var mask = mask
    withUnsafeBytes(of: &mask) { _ = Call.rt_sigsuspend($0.baseAddress, 8) }
  }
}

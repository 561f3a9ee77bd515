/// `trap`: commands that run when a signal has come, between two other commands, or at the shell's end.
import Apus

struct Traps {
  /// By number; 0 is the end of the shell.
  private(set) var all: [(signal: Int32, action: [UInt8])] = []
  /// Signals that have come and wait for their commands; handlers set it.
  nonisolated(unsafe) private static var arrived: UInt64 = 0

  static var isPending: Bool { arrived != 0 }

  func action(for signal: Int32) -> [UInt8]? {
    for trap in all where trap.signal == signal { return trap.action }
    return nil
  }

  /// Nil takes the trap away; empty commands make the signal one that is ignored.
  mutating func set(_ signal: Int32, _ action: [UInt8]?, isInteractive: Bool) {
    all.removeAll { $0.signal == signal }
    if let action { all.append((signal, action)) }
    if signal == 0 { return }
    guard let action else { return Interrupt.restore(Signal(signal), isInteractive) }
    if action.isEmpty {
      SignalAction.ignore.install(for: Signal(signal))
    } else {
      SignalAction({ number, _, _ in Traps.arrived |= 1 << UInt64(number) }, flags: [])
        .install(for: Signal(signal))
    }
  }

  /// The commands of the next signal that has come.
  mutating func next() -> [UInt8]? {
    while Traps.arrived != 0 {
      let signal = Int32(Traps.arrived.trailingZeroBitCount)
      Traps.arrived &= ~(1 << UInt64(signal))
      if let action = action(for: signal) { return action }
    }
    return nil
  }

  /// A process of its own has no traps, but what is ignored stays so.
  mutating func enterSubshell() {
    Traps.arrived = 0
    for trap in all where trap.signal != 0 && !trap.action.isEmpty {
      SignalAction.standard.install(for: Signal(trap.signal))
    }
    all.removeAll { !$0.action.isEmpty || $0.signal == 0 }
  }

  /// The commands for the end, once.
  mutating func takeExit() -> [UInt8]? {
    let action = action(for: 0)
    all.removeAll { $0.signal == 0 }
    return action
  }

  static let builtIn = BuiltIn(
    name: "trap", usage: "trap [ACTION | -] [SIGNAL...]", summary: "commands for signals and EXIT",
    isSpecial: true
  ) { shell, words in
    var rest = words.dropFirst()
    if rest.first?.equals("--") ?? false { rest = rest.dropFirst() }
    guard let first = rest.first else {
      for trap in shell.traps.all {
        let name = trap.signal == 0 ? "EXIT" as StaticString : Signal(trap.signal).name
        say(bytes: [UInt8](text: "trap -- ") + quoted(trap.action))
        say(" \(name)\n")
      }
      return 0
    }
    var action: [UInt8]? = first
    // A number or a name alone takes its trap away.
    if rest.count == 1 || first.equals("-") || first.decimal != nil { action = nil }
    if rest.count > 1, first.decimal == nil { rest = rest.dropFirst() }
    var code: Int32 = 0
    for word in rest {
      let isExit = word.equals("EXIT") || word.equals("0")
      guard let signal = isExit ? Signal(0) : Signal(named: word) else {
        complain("trap: \(text: word): no such signal")
        code = 1
        continue
      }
      shell.traps.set(signal.rawValue, action, isInteractive: shell.isInteractive)
    }
    return code
  }
}

/// A text in single quotes, as the shell can read it again.
func quoted(_ text: [UInt8]) -> [UInt8] {
  var result: [UInt8] = [0x27]
  for byte in text {
    if byte == 0x27 { result += [0x27, 0x5c, 0x27, 0x27] } else { result.append(byte) }
  }
  return result + [0x27]
}

/// What Ctrl-C means to the shell itself: nothing at the prompt, the end of a loop of its own.
enum Interrupt {
  nonisolated(unsafe) static var isPending = false

  private static let ofTerminal: [Signal] = [
    .quit, .terminalStop, .terminalInput, .terminalOutput,
  ]

  static func prepare() {
    restore(.interrupt, true)
    for signal in ofTerminal { SignalAction.ignore.install(for: signal) }
  }

  /// What a signal does to a shell that has no trap for it.
  static func restore(_ signal: Signal, _ isInteractive: Bool) {
    if isInteractive, signal == .interrupt {
      SignalAction({ _, _, _ in Interrupt.isPending = true }, flags: []).install(for: signal)
    } else if isInteractive, ofTerminal.contains(signal) {
      SignalAction.ignore.install(for: signal)
    } else {
      SignalAction.standard.install(for: signal)
    }
  }

  /// In a new process of an interactive shell, before it becomes a program.
  static func restoreDefaults() {
    for signal in [.interrupt] + ofTerminal { SignalAction.standard.install(for: signal) }
  }
}

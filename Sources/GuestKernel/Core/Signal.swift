/// The signals: how the kernel interrupts a program.
///
/// Numbers and meanings are those of Linux.
package struct Signal: Equatable {
  package let number: Int32

  /// Nil for what is no signal; 0, which only asks whether one may be sent, is none either.
  package init?(_ number: Int32) {
    guard number >= 1, number <= Signal.count else { return nil }
    self.number = number
  }

  private init(known number: Int32) { self.number = number }

  package static let count: Int32 = 64

  package static let hangUp = Signal(known: 1)
  package static let interrupt = Signal(known: 2)
  package static let quit = Signal(known: 3)
  package static let illegalInstruction = Signal(known: 4)
  package static let trap = Signal(known: 5)
  package static let abort = Signal(known: 6)
  package static let bus = Signal(known: 7)
  package static let floatingPoint = Signal(known: 8)
  package static let kill = Signal(known: 9)
  package static let user1 = Signal(known: 10)
  package static let segmentation = Signal(known: 11)
  package static let user2 = Signal(known: 12)
  package static let pipe = Signal(known: 13)
  package static let alarm = Signal(known: 14)
  package static let terminate = Signal(known: 15)
  package static let child = Signal(known: 17)
  package static let continues = Signal(known: 18)
  package static let stop = Signal(known: 19)
  package static let terminalStop = Signal(known: 20)
  package static let terminalInput = Signal(known: 21)
  package static let terminalOutput = Signal(known: 22)
  package static let urgent = Signal(known: 23)
  package static let processorTime = Signal(known: 24)
  package static let fileSize = Signal(known: 25)
  package static let virtualAlarm = Signal(known: 26)
  package static let profiling = Signal(known: 27)
  package static let windowChange = Signal(known: 28)
  package static let io = Signal(known: 29)
  package static let badCall = Signal(known: 31)

  /// The first of the real-time signals, of which each that is sent is delivered.
  package static let firstRealTime: Int32 = 32
  package var queues: Bool { number >= Signal.firstRealTime }

  /// What happens when the program has said nothing about the signal.
  package enum DefaultAction {
    case terminate
    /// Terminates too; the parent is told that it was for a mistake.
    case dump
    case ignore
    case stop
    case resume
  }

  package var defaultAction: DefaultAction {
    switch number {
    case 3, 4, 5, 6, 7, 8, 11, 24, 25, 31: .dump
    case 17, 23, 28: .ignore
    case 18: .resume
    case 19, 20, 21, 22: .stop
    default: .terminate
    }
  }

  /// Neither caught, nor ignored, nor held back.
  package var isUnstoppable: Bool { self == .kill || self == .stop }

  package var name: StaticString {
    switch number {
    case 1: "SIGHUP"
    case 2: "SIGINT"
    case 3: "SIGQUIT"
    case 4: "SIGILL"
    case 5: "SIGTRAP"
    case 6: "SIGABRT"
    case 7: "SIGBUS"
    case 8: "SIGFPE"
    case 9: "SIGKILL"
    case 10: "SIGUSR1"
    case 11: "SIGSEGV"
    case 12: "SIGUSR2"
    case 13: "SIGPIPE"
    case 14: "SIGALRM"
    case 15: "SIGTERM"
    case 16: "SIGSTKFLT"
    case 17: "SIGCHLD"
    case 18: "SIGCONT"
    case 19: "SIGSTOP"
    case 20: "SIGTSTP"
    case 21: "SIGTTIN"
    case 22: "SIGTTOU"
    case 23: "SIGURG"
    case 24: "SIGXCPU"
    case 25: "SIGXFSZ"
    case 26: "SIGVTALRM"
    case 27: "SIGPROF"
    case 28: "SIGWINCH"
    case 29: "SIGIO"
    case 30: "SIGPWR"
    case 31: "SIGSYS"
    default: "SIGRT"
    }
  }
}

/// A set of signals, a bit each: signal n is bit n - 1.
package struct SignalSet: OptionSet, BitwiseCopyable {
  package var rawValue: UInt64
  package init(rawValue: UInt64) { self.rawValue = rawValue }
  package init(_ signal: Signal) { rawValue = 1 << UInt64(signal.number - 1) }

  package func contains(_ signal: Signal) -> Bool { contains(SignalSet(signal)) }

  /// The lowest one, which is delivered first.
  package var first: Signal? {
    rawValue == 0 ? nil : Signal(Int32(rawValue.trailingZeroBitCount) + 1)
  }

  /// What no mask holds back.
  package static let unstoppable = SignalSet([SignalSet(.kill), SignalSet(.stop)])
  package static let stopping = SignalSet([
    SignalSet(.stop), SignalSet(.terminalStop), SignalSet(.terminalInput),
    SignalSet(.terminalOutput),
  ])
  /// Caused by an instruction: if it is held back or ignored, the program cannot go on.
  package static let synchronous = SignalSet([
    SignalSet(.segmentation), SignalSet(.bus), SignalSet(.illegalInstruction), SignalSet(.trap),
    SignalSet(.floatingPoint), SignalSet(.badCall),
  ])
}

/// What `rt_sigaction` says about a signal.
package struct SignalAction: BitwiseCopyable {
  /// 0 for the default, 1 to ignore it, else the handler's address.
  package var handler: UInt64 = 0
  package var flags: UInt64 = 0
  /// Where the handler returns to: it calls rt_sigreturn.
  package var restorer: UInt64 = 0
  /// What is held back while the handler runs.
  package var mask = SignalSet()

  package init() {}

  package static let isDefault: UInt64 = 0
  package static let ignore: UInt64 = 1

  package static let noChildStop: UInt64 = 1
  package static let noChildWait: UInt64 = 2
  package static let information: UInt64 = 4
  package static let onStack: UInt64 = 0x0800_0000
  package static let restart: UInt64 = 0x1000_0000
  package static let noDefer: UInt64 = 0x4000_0000
  package static let resetHandler: UInt64 = 0x8000_0000
}

/// `sigaltstack`: another stack for handlers.
package struct SignalStack: BitwiseCopyable {
  package var base: UInt64 = 0
  package var flags: UInt64 = SignalStack.disabled
  package var size: UInt64 = 0

  package init() {}

  package static let onStack: UInt64 = 1
  package static let disabled: UInt64 = 2
  package static let minimum: UInt64 = 2048

  package func contains(_ address: UInt64) -> Bool {
    flags & SignalStack.disabled == 0 && address > base && address - base <= size
  }
}

import Emulator

/// The text of a backtrace.
public struct Backtrace {
  /// The frames, the innermost first.
  public let frames: [StackFrame]
  private let symbols: ProgramSymbols

  /// The backtrace of a processor; of the one whose turn it is, unless told otherwise.
  public init(
    _ machine: Machine, processor: Processor? = nil, symbols: ProgramSymbols, limit: Int = 64
  ) {
    frames = Unwinder(machine, processor: processor, symbols: symbols).frames(limit: limit)
    self.symbols = symbols
  }

  /// A line for each frame, more where functions were inlined or something interrupted.
  public var lines: [String] {
    frames.enumerated().flatMap { number, frame in
      (frame.entry.map { [entryLine($0, frame)] } ?? []) + lines(number, frame)
    }
  }

  private func lines(_ number: Int, _ frame: StackFrame) -> [String] {
    let places = symbols.places(at: frame.code)
    let name =
      frame.code == frame.address
      ? symbols.name(frame.address) : symbols.table.describe(returnAddress: frame.address)
    var head = "  \(number)  \(frame.address.hex)"
    if let name { head += " <\(name)>" }
    guard let first = places.first else { return [head] }
    if first.isInlined, let function = first.function { head += " in \(function)" }
    if let line = first.fileAndLine { head += " at \(line)" }
    return [head]
      + places.dropFirst().map { place in
        "       inlined into \(place.function ?? "a function")"
          + (place.fileAndLine.map { " at \($0)" } ?? "")
      }
  }

  private func entryLine(_ entry: StackFrame.Entry, _ frame: StackFrame) -> String {
    let level = frame.privilege.map { ", from CPL \($0)" } ?? ""
    switch entry {
    case .interrupt(let vector?): return "     -- \(ExceptionNames.name(vector))\(level) --"
    case .interrupt(nil): return "     -- interrupt, exception or system call\(level) --"
    case .systemCall: return "     -- SYSCALL\(level) --"
    }
  }
}

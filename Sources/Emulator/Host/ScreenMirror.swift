/// Shows the text on a machine's screen as lines on a terminal.
///
/// What scrolled in is shown as new lines, and so is every row that changed where it stands.
public final class ScreenMirror: SessionChannel {
  private let machine: Machine
  private let backend: any SerialBackend
  private var shown: [String] = []

  /// Mirrors the screen of `machine` to `backend`.
  public init(_ machine: Machine, _ backend: any SerialBackend) {
    self.machine = machine
    self.backend = backend
  }

  /// Nothing.
  public var interests: [Interest] { [] }
  /// Never.
  public var mayReceive: Bool { false }
  /// The terminal's answer.
  public var isCongested: Bool { backend.isCongested }

  /// Shows what is new.
  public func exchange() throws(HostError) {
    guard let rows = machine.screenText?.rows, rows != shown else { return }
    let lines = Self.news(from: shown, to: rows)
    shown = rows
    guard !lines.isEmpty else { return }
    try backend.send(lines.flatMap { Array($0.utf8) + [13, 10] })
  }

  /// Does nothing: the terminal belongs to somebody else.
  public func close() {}

  /// The rows that were not there before, wherever the others went.
  static func news(from old: [String], to new: [String]) -> [String] {
    let used = new.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0
    // The least number of rows that the screen scrolled by.
    let scrolled = (1..<max(1, old.count)).first { distance in
      let kept = old.dropFirst(distance)
      return kept.contains { !$0.isEmpty } && new.starts(with: kept.prefix { !$0.isEmpty })
        && kept.prefix { !$0.isEmpty }.count > 1
    }
    let changed = new.indices.filter { $0 >= old.count || new[$0] != old[$0] }
    guard let scrolled, changed.count > 2 else {
      return changed.filter { $0 < used }.map { new[$0] }
    }
    let first = old.dropFirst(scrolled).prefix { !$0.isEmpty }.count
    return Array(new[min(first, used)..<used])
  }
}

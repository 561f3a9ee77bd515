/// Connects one of two input lines to an output, as the legacy replacement of an HPET does.
public final class InterruptSelector: InterruptSink, StatefulDevice {
  /// The inputs and which of them is connected.
  public struct State: Codable, Equatable, Sendable {
    package var levels: [Bool] = [false, false]
    package var selected = 0
  }

  private var inputs = State()
  private let output: InterruptLine

  /// Makes a selector that connects input 0 to `output`.
  public init(output: InterruptLine) {
    self.output = output
  }

  /// The inputs and which of them is connected.
  public var state: State {
    get { inputs }
    set {
      inputs = newValue
      output.restore(level: level)
    }
  }

  /// Connects the other input when `useSecond` changes.
  public func select(second useSecond: Bool) {
    inputs.selected = useSecond ? 1 : 0
    output.set(level)
  }

  /// Notes the level of input 0 or 1.
  public func setLine(_ pin: Int, level newLevel: Bool) {
    guard inputs.levels.indices.contains(pin) else { return }
    inputs.levels[pin] = newLevel
    output.set(level)
  }

  private var level: Bool {
    inputs.levels.indices.contains(inputs.selected) && inputs.levels[inputs.selected]
  }
}

/// Joins several lines into one, which is raised while any of them is (a wired OR).
public final class InterruptJunction: InterruptSink, StatefulDevice {
  /// The levels of the inputs.
  public struct State: Codable, Equatable, Sendable {
    package var raised: UInt64 = 0
  }

  private var inputs = State()
  private let output: InterruptLine

  /// Makes a junction of up to 64 inputs that drives `output`.
  public init(output: InterruptLine) {
    self.output = output
  }

  /// The levels of the inputs, one bit each.
  public var state: State {
    get { inputs }
    set {
      inputs = newValue
      output.restore(level: newValue.raised != 0)
    }
  }

  /// Notes the level of one input.
  public func setLine(_ pin: Int, level: Bool) {
    let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: pin)
    let wasRaised = inputs.raised & bit != 0
    inputs.raised = level ? inputs.raised | bit : inputs.raised & ~bit
    if level, !wasRaised, output.level {
      // The output is edge-triggered on a PC: a second requester must be seen too.
      output.pulse()
    } else {
      output.set(inputs.raised != 0)
    }
  }
}

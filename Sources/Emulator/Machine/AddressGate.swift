/// The A20 gate: open as long as the keyboard controller or port 92h holds it open.
///
/// It has no state of its own, so resetting the two is enough for it, too.
final class AddressGate {
  /// Whether each of the two holds the gate open.
  var sources: [() -> Bool] = []
  /// Whom the gate is for: the processors.
  var output: (Bool) -> Void = { _ in }

  /// Passes on whether the gate is open, after a source may have changed.
  func update() { output(sources.contains { $0() }) }
}

/// A device whose whole mutable state is one value.
///
/// Snapshots, comparison and digests of a machine are made of nothing else. Setting `state` puts
/// the device where it was: it arms its timers again and knows the levels of the lines it drives,
/// without announcing them, since whoever listens restores its own inputs.
public protocol StatefulDevice: AnyObject {
  /// Everything the device remembers.
  associatedtype State: Codable & Equatable & Sendable

  /// The device's memory, as it is now.
  var state: State { get set }
}

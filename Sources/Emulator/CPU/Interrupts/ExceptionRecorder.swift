/// Remembers the last deliveries of one processor, and why those that failed did, so that a
/// triple fault can be explained.
public final class ExceptionRecorder {
  /// How a delivery ended.
  public enum Outcome: Equatable, Sendable {
    /// The handler was entered.
    case delivered
    /// Delivery raised another exception; the reason is nil where a table or stack access faulted.
    case failed(Exception, reason: DeliveryFailure?)
  }

  /// One delivery.
  public struct Delivery: Equatable, Sendable {
    /// The vector.
    public var vector: UInt8
    /// Where the event came from.
    public var source: InterruptEvent.Source
    /// The error code, for the exceptions that have one.
    public var errorCode: UInt32?
    /// CR2, which is of interest for page faults.
    public var cr2: UInt64
    /// RIP that was pushed.
    public var rip: UInt64
    /// CS of the interrupted code.
    public var cs: UInt16
    /// RSP of the interrupted code.
    public var rsp: UInt64
    /// CPL of the interrupted code.
    public var cpl: UInt8
    /// Instructions retired before.
    public var instructionCount: UInt64
    /// How it ended.
    public var outcome: Outcome
  }

  /// How many deliveries are remembered.
  public static let capacity = 64

  /// What is remembered.
  struct Content {
    var ring: [Delivery] = []
    var next = 0
  }

  var content = Content()
  private var reason: DeliveryFailure?

  /// The remembered deliveries, oldest first.
  public var deliveries: [Delivery] {
    Array(content.ring[content.next...] + content.ring[..<content.next])
  }

  /// Forgets everything, as after a reset.
  public func removeAll() {
    content = Content()
    reason = nil
  }

  /// Notes which check is about to raise an exception.
  func note(_ failure: DeliveryFailure) { reason = failure }

  /// The check noted since the last call.
  func takeReason() -> DeliveryFailure? {
    defer { reason = nil }
    return reason
  }

  func record(_ delivery: Delivery) {
    if content.ring.count < Self.capacity {
      content.ring.append(delivery)
      return
    }
    content.ring[content.next] = delivery
    content.next = (content.next + 1) % Self.capacity
  }
}

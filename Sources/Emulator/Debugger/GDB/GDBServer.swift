import Emulator

/// The far end of GDB's remote serial protocol: shows a machine that is debugged, and steers it.
///
/// It is given bytes and asked for bytes; whoever connects it to a socket also lets the machine run
/// while `isRunning`. Threads are processors, numbered from 1 on. Manual of GDB, "GDB Remote Serial
/// Protocol".
public final class GDBServer {
  /// Manual of GDB, "Standard Replies": numbers as in errno.
  enum ErrorNumber: UInt8 {
    case noSuchThread = 3
    case badAddress = 14
    case invalidArgument = 22
  }

  /// The machine with its breakpoints and its history.
  public let debuggee: Debuggee
  /// Answers a line of `monitor`.
  public var monitor: ((String) -> String)?
  /// Whether the client asked for the end of the machine.
  public private(set) var isKilled = false
  /// Whether a client is there.
  public private(set) var isAttached = false

  var stream = PacketStream()
  private var isAcknowledging = true
  private var lastFrame: [UInt8] = []
  private var outgoing: [UInt8] = []

  /// What the machine is to do; nil while the client looks around.
  var plan: ResumePlan?
  /// The registers as the client knows them.
  var layout: RegisterLayout
  /// The description that is wanted next, if the user said so.
  var wantedArchitecture: TargetArchitecture?
  /// The description that is being read.
  var description: [UInt8] = []
  /// Whether addresses of memory are physical.
  var accessesPhysicalMemory = false
  /// The processor whose registers and memory are meant.
  var selectedProcessor = 0
  /// The processor that is to be stepped.
  var steppedProcessor: Int?
  /// What the client inserted.
  var points: [PointKey: InsertedPoint] = [:]
  /// Trace state variables, which agent expressions may use.
  let variables = AgentVariables()
  /// The reply that describes the last stop.
  var lastReply: String = "S05"

  /// Serves a machine.
  public init(_ debuggee: Debuggee) {
    self.debuggee = debuggee
    layout = RegisterLayout(.x86x64)
  }

  var machine: Machine { debuggee.machine }

  /// Whether the machine is to run.
  public var isRunning: Bool { plan != nil }

  // MARK: Clients

  /// A client has come: the machine stops for it.
  public func attach() {
    isAttached = true
    isKilled = false
    stream = PacketStream()
    isAcknowledging = true
    outgoing = []
    lastFrame = []
    plan = nil
    accessesPhysicalMemory = false
    steppedProcessor = nil
    layout = RegisterLayout(fittingArchitecture)
    selectedProcessor = debuggee.lastStop?.processor ?? currentProcessor
    lastReply = stopText(signal: 5, processor: selectedProcessor)
  }

  /// The client has gone: nothing stops the machine any more, and a stopped one stays stopped.
  public func detach() {
    isAttached = false
    removeAllPoints()
    if case .handler(_, _, let end) = plan { debuggee.remove(end) }
    if plan != nil { goOn() }
  }

  /// Lets the machine run, with a client or without one.
  public func goOn() { plan = .resume(.forward) }

  /// Tells a client that waits for a stop that there will be none: the run has ended.
  public func finish() {
    guard isAttached, plan != nil else { return }
    plan = nil
    reply("W00")
  }

  /// The number of the processor whose turn it is.
  var currentProcessor: Int {
    machine.processors.firstIndex { $0 === machine.processor } ?? 0
  }

  // MARK: Bytes

  /// Takes bytes from the client.
  public func receive(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      guard let event = stream.receive(byte) else { continue }
      switch event {
      case .packet(let packet):
        if isAcknowledging { outgoing.append(UInt8(ascii: "+")) }
        dispatch(packet)
      case .damaged:
        if isAcknowledging { outgoing.append(UInt8(ascii: "-")) }
      case .interrupt: interrupt()
      case .acknowledged: lastFrame = []
      case .refused: outgoing += lastFrame
      }
    }
  }

  /// Takes the bytes that are for the client.
  public func takeOutput() -> [UInt8] {
    defer { outgoing = [] }
    return outgoing
  }

  // MARK: Replies

  func reply(_ text: String) { reply(Array(text.utf8)) }

  func reply(_ packet: [UInt8]) {
    let frame = PacketStream.frame(packet)
    if isAcknowledging { lastFrame = frame }
    outgoing += frame
  }

  func reply(_ error: ErrorNumber) {
    let digits = String(error.rawValue, radix: 16)
    reply("E" + (digits.count == 1 ? "0" : "") + digits)
  }

  func replyOK(if isDone: Bool = true) {
    if isDone { reply("OK") } else { reply(.invalidArgument) }
  }

  /// Shows a text on the client's console, which it takes only while it waits for something.
  func show(_ text: String) {
    guard isAttached, !text.isEmpty else { return }
    for piece in Array(text.utf8).pieces(of: 1024) {
      reply([UInt8(ascii: "O")] + HexDigits.encode(piece))
    }
  }

  /// QStartNoAckMode: what was sent before is still acknowledged.
  func stopAcknowledging() {
    reply("OK")
    isAcknowledging = false
    lastFrame = []
    stream.ignoresChecksums = true
  }

  /// k and vKill.
  func kill() {
    isKilled = true
    plan = nil
  }

  /// D: the machine goes on without the client.
  func release() {
    reply("OK")
    detach()
    goOn()
  }
}

extension Array {
  /// The elements in order, so many at a time.
  fileprivate func pieces(of count: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: self.count, by: count).map { self[$0..<Swift.min($0 + count, self.count)] }
  }
}

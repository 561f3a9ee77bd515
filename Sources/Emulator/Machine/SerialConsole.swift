/// The far end of a serial port, or of the debug console: what a terminal would show and type.
public final class SerialConsole {
  /// Everything the guest has sent, unless `keepsOutput` is off.
  public internal(set) var output: [UInt8] = []

  /// How many bytes of `output` expectations have been met by; the next looks behind them.
  package var examinedCount: Int {
    get { min(examined, output.count) }
    set { examined = newValue }
  }
  private var examined = 0

  /// Whether `output` grows; a front end that passes bytes on turns it off.
  public var keepsOutput = true

  /// Is given every byte that the guest sends, as it is sent.
  public var transmitted: ((UInt8) -> Void)?

  /// Whether `transmitted` hears nothing.
  var isMuted = false

  /// Looks at every byte for the condition that a run waits for.
  var observer: ((UInt8) -> Void)?

  private let receive: ([UInt8]) -> Void

  /// Makes a console whose input goes to `receive`.
  init(receive: @escaping ([UInt8]) -> Void = { _ in }) {
    self.receive = receive
  }

  /// The output as text; what is not UTF-8 becomes the replacement character.
  public var text: String { String(decoding: output, as: UTF8.self) }

  /// Types text, which the guest sees at the rate of its serial line.
  public func send(_ text: String) { receive(Array(text.utf8)) }

  /// Types bytes.
  public func send(_ bytes: [UInt8]) { receive(bytes) }

  /// Forgets the output so far.
  public func clear() { output = [] }

  func transmit(_ byte: UInt8) {
    if keepsOutput { output.append(byte) }
    observer?(byte)
    if !isMuted { transmitted?(byte) }
  }
}

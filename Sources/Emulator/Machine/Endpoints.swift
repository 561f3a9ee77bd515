/// The far ends of a machine's wires, which devices reach before the machine itself exists.
final class Endpoints {
  var receive: (_ port: Int, _ bytes: [UInt8]) -> Void = { _, _ in }
  let debugConsole = SerialConsole()
  let firmwareLog = SerialConsole()
  private(set) var virtioConsole = SerialConsole()
  private(set) var network = NetworkWire { _ in }
  private var consoles: [SerialConsole] = []
  private let portCount: Int
  /// Is told of every byte that a console sends.
  var observer: ((_ port: Int, _ byte: UInt8) -> Void)?

  init(portCount: Int) {
    self.portCount = portCount
    virtioConsole = SerialConsole { [weak self] bytes in
      self?.receive(InputLog.virtioConsole, bytes)
    }
    network = NetworkWire { [weak self] frame in self?.receive(InputLog.network, frame) }
  }

  func makeConsoles() -> [SerialConsole] {
    consoles = (0..<portCount).map { port in
      SerialConsole { [weak self] bytes in self?.receive(port, bytes) }
    }
    return consoles
  }

  /// Every console, in a fixed order.
  var allConsoles: [SerialConsole] { consoles + [debugConsole, firmwareLog, virtioConsole] }

  /// Whether nothing that the guest sends reaches anybody outside.
  func setMuted(_ isMuted: Bool) {
    for console in allConsoles { console.isMuted = isMuted }
    network.isMuted = isMuted
  }

  func transmit(_ port: Int, _ byte: UInt8) {
    observer?(port, byte)
    consoles[port].transmit(byte)
  }

  func debugTransmit(_ byte: UInt8) {
    observer?(InputLog.debugConsole, byte)
    debugConsole.transmit(byte)
  }

  var virtioRequests: VirtIODevices.Requests {
    VirtIODevices.Requests(
      transmit: { [virtioConsole, unowned self] in
        observer?(InputLog.virtioConsole, $0)
        virtioConsole.transmit($0)
      },
      transmitFrame: { [network] in if !network.isMuted { network.transmitted?($0) } })
  }
}

/// The far end of a network interface's wire.
public final class NetworkWire {
  /// Is given every frame that the guest sends, as it is sent.
  public var transmitted: (([UInt8]) -> Void)?

  /// Whether `transmitted` hears nothing.
  var isMuted = false

  private let receive: ([UInt8]) -> Void

  /// Makes a wire whose frames for the guest go to `receive`.
  init(receive: @escaping ([UInt8]) -> Void) { self.receive = receive }

  /// Sends the guest a frame.
  public func send(_ frame: [UInt8]) { receive(frame) }
}

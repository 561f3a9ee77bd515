/// The terminal behind a descriptor: how it treats typed bytes, and whose they are.
package enum Terminal {
  package static func settings(of descriptor: Descriptor) -> TerminalSettings? {
    var settings = TerminalSettings()
    let outcome = withUnsafeMutableBytes(of: &settings) {
      descriptor.deviceControl(DeviceRequest.getTerminal, $0.baseAddress)
    }
    return outcome.isSuccess ? settings : nil
  }

  package static func set(_ settings: TerminalSettings, of descriptor: Descriptor) {
    var settings = settings
    withUnsafeMutableBytes(of: &settings) {
      _ = descriptor.deviceControl(DeviceRequest.setTerminal, $0.baseAddress)
    }
  }

  /// Gives the terminal to a group of processes: its input, and its Ctrl-C.
  package static func setForeground(_ group: Int32, of descriptor: Descriptor = .input) {
    var group = group
    withUnsafeMutableBytes(of: &group) {
      _ = descriptor.deviceControl(DeviceRequest.setForeground, $0.baseAddress)
    }
  }
}

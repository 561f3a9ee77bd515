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

  /// Rows and columns, as the kernel was told; 24 by 80 when it was not.
  package static func size(of descriptor: Descriptor) -> (rows: Int, columns: Int) {
    var record: UInt64 = 0
    let outcome = withUnsafeMutableBytes(of: &record) {
      descriptor.deviceControl(DeviceRequest.getWindowSize, $0.baseAddress)
    }
    let (rows, columns) = (Int(record & 0xffff), Int(record >> 16 & 0xffff))
    return outcome.isSuccess && rows > 0 && columns > 0 ? (rows, columns) : (24, 80)
  }

  /// Says how large the terminal is; programs in the foreground hear of it by SIGWINCH.
  package static func setSize(rows: Int, columns: Int, of descriptor: Descriptor) -> Bool {
    var record = UInt64(rows & 0xffff | (columns & 0xffff) << 16)
    return withUnsafeMutableBytes(of: &record) {
      descriptor.deviceControl(DeviceRequest.setWindowSize, $0.baseAddress)
    }.isSuccess
  }
}

/// The display adapter of a machine.
public struct DisplayAdapter: Equatable, Sendable {
  /// The VGA BIOS in its ROM, without which firmware shows nothing.
  public var rom: OptionROM?

  /// An adapter with this ROM.
  public init(rom: OptionROM? = nil) { self.rom = rom }
}

extension Machine {
  /// What the screen shows in text mode; nil in a graphics mode and without a display adapter.
  public var screenText: ScreenText? { chipset.personal.display?.text }

  /// The picture on the screen, nil without a display adapter.
  public var picture: Picture? { chipset.personal.display?.picture }
}

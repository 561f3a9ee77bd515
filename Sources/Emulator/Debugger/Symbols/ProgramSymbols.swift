import Emulator

/// What is known of a program by name: its symbols, its source lines, its frames.
public final class ProgramSymbols {
  /// The symbols of the image, or of the file with its debugging sections.
  public private(set) var table: SymbolTable
  /// The debugging sections, nil if there are none.
  public let debugFile: DebugFile?

  private let image: ELFImage?
  /// Whether the program is of a kind that may move itself.
  let mayMove: Bool

  /// Reads symbols.
  ///
  /// - Parameters:
  ///   - image: The program as it is loaded, nil for one that is no ELF file.
  ///   - symbolFile: Another ELF file with the program's symbols and debugging sections.
  public init(_ image: ELFImage?, symbolFile: ELFImage? = nil) {
    self.image = image
    mayMove = image.map { !ImageSlide.moving($0).isEmpty } ?? false
    table = SymbolTable(symbolFile ?? image)
    debugFile = (symbolFile ?? image).flatMap { DebugFile($0) }
  }

  /// Finds out where the image is now, for kernels that move.
  public func follow(_ cpu: CPU) {
    guard let image else { return }
    place(ImageSlide.find(image, in: cpu, guess: table.slide))
  }

  /// Takes the image to be there from now on.
  func place(_ slide: ImageSlide?) {
    table.slide = slide
    debugFile?.slide = slide
  }

  /// The places in the source for the code at an address, innermost first.
  public func places(at address: UInt64) -> [SourcePlace] {
    debugFile?.places(at: address) ?? []
  }

  /// `name+offset` of an address, or nil.
  public func name(_ address: UInt64) -> String? { table.describe(address) }

  /// An address with its name and its source line, as far as they are known.
  public func describe(_ address: UInt64) -> String {
    describe(address, name: table.describe(address), code: address)
  }

  /// A return address; the line is the call's.
  public func describe(returnAddress address: UInt64) -> String {
    describe(address, name: table.describe(returnAddress: address), code: address &- 1)
  }

  private func describe(_ address: UInt64, name: String?, code: UInt64) -> String {
    guard let name else { return address.hex }
    guard let place = places(at: code).first?.fileAndLine else { return "\(address.hex) <\(name)>" }
    return "\(address.hex) <\(name)> at \(place)"
  }
}

import Emulator

extension ImageSlide {
  /// What page directories map, and so what kernels move by.
  private static let step: UInt64 = 2 << 20
  /// The window that a kernel chooses from.
  private static let room: UInt64 = 1 << 30

  /// Looks for an image in a processor's page tables: no kernel has to say where it went.
  ///
  /// - Parameters:
  ///   - image: The file that was loaded.
  ///   - cpu: The processor, whose state is left alone.
  ///   - guess: Where it was the last time.
  /// - Returns: Nil if it is where it was linked; the guess if it is nowhere, as in page tables that an
  ///   application runs on.
  static func find(_ image: ELFImage, in cpu: CPU, guess: ImageSlide?) -> ImageSlide? {
    let moving = moving(image)
    guard let segment = moving.first,
      let end = moving.map({ $0.virtualAddress &+ $0.memorySize }).max(),
      end > segment.virtualAddress
    else { return nil }
    func isThere(_ distance: UInt64) -> Bool {
      let address = LinearAddress(segment.virtualAddress &+ distance)
      return cpu.peekTranslation(address)?.physicalPage == segment.physicalAddress & ~0xFFF
    }
    if isThere(0) { return nil }
    if let guess, isThere(guess.distance) { return guess }
    let found = stride(from: step, to: room, by: Int(step)).first(where: isThere).map {
      ImageSlide(range: segment.virtualAddress..<end, distance: $0)
    }
    return found ?? guess
  }

  /// Looks for a machine's image in the page tables of its processors.
  static func find(in machine: Machine) -> ImageSlide? {
    guard let image = machine.image?.elf else { return nil }
    return machine.processors.lazy.compactMap { find(image, in: $0.cpu, guess: nil) }.first
  }

  /// The segments that may move: those that do not run where they are loaded.
  static func moving(_ image: ELFImage) -> [ELFImage.Segment] {
    let load: UInt32 = 1
    return image.segments.filter { $0.type == load && $0.virtualAddress != $0.physicalAddress }
  }
}

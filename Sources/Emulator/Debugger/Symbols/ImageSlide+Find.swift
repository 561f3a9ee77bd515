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
  /// - Returns: Nil if it is where it was linked, or nowhere.
  static func find(_ image: ELFImage, in cpu: CPU, guess: ImageSlide?) -> ImageSlide? {
    let load: UInt32 = 1
    let moving = image.segments.filter {
      $0.type == load && $0.virtualAddress != $0.physicalAddress
    }
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
    return stride(from: step, to: room, by: Int(step)).first(where: isThere).map {
      ImageSlide(range: segment.virtualAddress..<end, distance: $0)
    }
  }
}

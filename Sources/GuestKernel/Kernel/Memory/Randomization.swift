/// `kaslr` on the command line: where things lie is chosen at boot, so that an address learnt from one
/// machine is worth nothing on the next.
///
/// Randomised: the kernel's image (see `ImageSlide` and boot.S) and modules, the direct map (one of 32 entries
/// of the root, then a multiple of 1 GiB), vmalloc and ioremap, kernel stacks, and in every program its code
/// and data, its stack, its mappings and its heap. `kaslr=N` makes the choice repeatable.
import KernelArch

enum Randomization {
  nonisolated(unsafe) private(set) static var isOn = false
  /// Where the kernel's own page tables will have the direct map.
  nonisolated(unsafe) private(set) static var directMap = Layout.directMap
  /// Lock: `lock`.
  nonisolated(unsafe) private static var state: UInt64 = 0
  private static let lock = SpinLock("randomization")

  /// Chooses where the kernel's own regions lie; called before its page tables are built.
  static func start(seed: UInt64?) {
    guard let seed else { return }
    isOn = true
    state = (seed == 0 ? rdtsc() &* 0x9e37_79b9_7f4a_7c15 : seed &* 0x2545_f491_4f6c_dd1d) | 1
    let gibibyte: UInt64 = 1 << 30
    directMap += next(32) << 39 + next(256) * gibibyte
    Layout.heap += next(1 << 16) * HugePages.size
    Layout.stacks += next(1 << 20) * (32 << 10)
    let modules = Layout.modules.lowerBound + next(1 << 16) * pageSize
    Layout.modules = modules..<Layout.modules.upperBound
  }

  /// How far above where it was linked a new program lies: below 2 GiB, for the sake of 32-bit code.
  static var programDistance: UInt64 { next(1 << 18) * pageSize }

  /// A number below `limit`; 0 without `kaslr`.
  static func next(_ limit: UInt64) -> UInt64 {
    guard isOn else { return 0 }
    return lock.withLockIRQ {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return (state >> 11) % limit
    }
  }
}

/// Called by boot.S in the image where it is linked: how far to move it.
///
/// Nothing may be kept, neither in memory of the heap nor in variables.
@c(choose_slide)
public func chooseSlide(_ magic: UInt32, _ information: UInt64) -> UInt64 {
  guard Configuration.KASLR else { return 0 }
  return ImageSlide.choose(
    BootInformation.commandLine(magic, information), end: linker_kernel_end() - Layout.image,
    entropy: rdtsc())
}

extension AddressSpace {
  /// Chooses where a new program's stack and mappings lie.
  func randomize() {
    stackTop -= Randomization.next(4096) * pageSize
    mappingTop -= Randomization.next(1 << 24) * pageSize
  }

  /// Chooses where its heap begins, behind what was loaded.
  func randomizeHeap() {
    heapStart += Randomization.next(8192) * pageSize
    heapEnd = heapStart
  }
}

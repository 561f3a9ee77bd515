/// Store buffering: the one reordering that x86 processors do, and the fence that forbids it.
///
/// Two processors each store to a word of their own and then load the other's. In any interleaving of
/// the four accesses at least one load sees 1. But a store waits in its processor's buffer while the
/// next load goes ahead: both may see 0. MFENCE lets no load pass until the buffer is empty.
/// SDM Vol. 3A, "Loads May Be Reordered with Earlier Stores to Different Locations".
import KernelArch

enum MemoryOrderDemo {
  private static let rounds: UInt32 = 100

  /// What the two share, a cache line for each word.
  private static let words: UnsafeMutablePointer<UInt32> = {
    let words = UnsafeMutablePointer<UInt32>.allocate(capacity: 16 * 8)
    words.initialize(repeating: 0, count: 16 * 8)
    return words
  }()
  private static func word(_ index: Int) -> UnsafeMutablePointer<UInt32> { words + 16 * index }

  static func run() -> Bool {
    Demo.say(
      "Processor 0: x = 1; read y.   Processor 1: y = 1; read x.   \(rounds) rounds, two ways.")
    guard CPU.count > 1 else {
      Demo.say("There is only one processor, which always sees its own stores: nothing to show.")
      return true
    }
    let plain = countBothZero(fenced: false)
    if plain > 0 {
      Demo.say("without MFENCE: both read 0 in some rounds, which no interleaving explains")
    } else {
      Demo.say(
        "without MFENCE: never both 0; so it is on an emulator that executes one processor after")
      Demo.say("the other (sequentially consistent), and by luck elsewhere: the SDM allows it")
    }
    return Demo.check(countBothZero(fenced: true) == 0, "with MFENCE between: never both 0")
  }

  /// Lets processors `first` and another one play; the rest only wait.
  private static func countBothZero(fenced: Bool) -> Int {
    for index in 0..<8 { word(index).pointee = 0 }
    let results = PerCPU<[UInt8]>([UInt8](repeating: 0, count: Int(rounds)))
    let partner = CPU.callPartner { side in play(side, fenced, results) }
    var both = 0
    for round in 0..<Int(rounds)
    where results[partner.here][round] == 0 && results[partner.there][round] == 0 { both += 1 }
    return both
  }

  /// Both meet before each round, so that the four accesses fall together.
  private static func play(_ side: Int, _ fenced: Bool, _ results: PerCPU<[UInt8]>) {
    let mine = word(side)
    let other = word(1 - side)
    for round in 0..<rounds {
      if side == 0 {
        atomic_store32(word(0), 0)
        atomic_store32(word(1), 0)
      }
      meet(round * 2 + 1)
      let seen = fenced ? store_fence_load(mine, other) : store_then_load(mine, other)
      results.current[Int(round)] = UInt8(seen)
      meet(round * 2 + 2)
    }
  }

  private static func meet(_ step: UInt32) {
    _ = atomic_add32(word(2), 1)
    while atomic_load32(word(2)) < step * 2 { cpu_pause() }
  }
}

/// Finds objects and arrays that are made where nobody can wait for memory: with a spinlock held, with
/// interrupts or preemption off.
///
/// The Swift runtime stops the kernel when there is no memory for an object, and here there is nothing that could be
/// done about it. Such code belongs before the lock, or into memory that was set aside, or it asks
/// `Kmalloc` with `GFP.atomic` and handles the refusal, which is no finding; nor are locks that say
/// `usesReserve`. Each place is reported once: the first caller outside of the runtime, with the lock it
/// holds. On with `lockdep`, from the first program on.
import KernelArch

enum AtomicAllocations {
  private typealias Chain = InlineArray<10, UInt64>

  private struct Place {
    /// The lock taken last, as `LockClasses` numbers it; 0 for none.
    var lockClass = 0
    var isInterrupt = false
    var callers = Chain(repeating: 0)
    /// The first of them that is the kernel's and not the runtime's.
    var own = 0
  }

  /// Lock for all of these: `lockWord`, with interrupts off; the places below `count` stay.
  nonisolated(unsafe) private static var lockWord: UInt32 = 0
  nonisolated(unsafe) private static var places: UnsafeMutablePointer<Place>?
  /// Hashes of ways that led here before.
  nonisolated(unsafe) private static var seen: UnsafeMutablePointer<UInt64>?
  nonisolated(unsafe) private(set) static var count = 0
  nonisolated(unsafe) private static var printed = 0
  private static let mostPlaces = 96
  /// There is no lack of memory before there are programs.
  nonisolated(unsafe) static var hasPrograms = false
  private static let mostWays = 2048

  static func prepare() {
    guard places == nil, runtimePrefixes.count > 0 else { return }
    let ways = UnsafeMutablePointer<UInt64>.allocate(capacity: mostWays)
    ways.initialize(repeating: 0, count: mostWays)
    seen = ways
    let table = UnsafeMutablePointer<Place>.allocate(capacity: mostPlaces)
    table.initialize(repeating: Place(), count: mostPlaces)
    places = table
  }

  /// The runtime asks for memory.
  @inline(__always)
  static func note() {
    guard LockValidator.isOn, hasPrograms, Context.isAtomic || !Interrupts.areOn else { return }
    record()
  }

  @inline(never)
  private static func record() {
    guard !Panic.isUnderWay, lastLock?.usesReserve != true else { return }
    let callers = collect()
    Interrupts.off {
      while atomic_exchange32(&lockWord, 1) != 0 { cpu_pause() }
      if isNewWay(callers) { keep(callers) }
      atomic_store32(&lockWord, 0)
    }
  }

  private static func keep(_ callers: Chain) {
    guard let places, count < mostPlaces else { return }
    var place = Place(isInterrupt: Context.isInterrupt, callers: callers)
    if let lock = lastLock {
      place.lockClass = LockClasses.number(&lock.validatorClass, lock.name)
    }
    while place.own < callers.count - 1, isRuntime(callers[place.own]) { place.own += 1 }
    for index in 0..<count
    where places[index].callers[places[index].own] == callers[place.own]
      && places[index].lockClass == place.lockClass
    {
      return
    }
    places[count] = place
    count += 1
  }

  /// The spinlock that this processor has taken last, of those it holds.
  private static var lastLock: SpinLock? {
    let area = percpu_self()
    let held = min(area.pointee.held_count, UInt32(PERCPU_HELD_LOCKS))
    guard held > 0, let lock = percpu_held_at(area, held - 1) else { return nil }
    return Unmanaged<SpinLock>.fromOpaque(lock).takeUnretainedValue()
  }

  private static func collect() -> Chain {
    var chain = Chain(repeating: 0)
    var frame = read_rbp()
    var index = 0
    while index < chain.count, frame & 7 == 0, frame >= Layout.directMap {
      let words = UnsafePointer<UInt64>(OpaquePointer(pointer_to(frame)))
      guard words[1] >= linker_text_start(), words[1] < linker_text_end() else { break }
      chain[index] = words[1]
      index += 1
      guard words[0] > frame, words[0] - frame < KernelStacks.size else { break }
      frame = words[0]
    }
    return chain
  }

  /// Remembers each chain of callers once.
  private static func isNewWay(_ callers: Chain) -> Bool {
    guard let seen else { return false }
    var hash: UInt64 = 14_695_981_039_346_656_037
    for index in callers.indices { hash = (hash ^ callers[index]) &* 1_099_511_628_211 }
    var at = Int(hash >> 33) % mostWays
    for _ in 0..<16 {
      if seen[at] == hash { return false }
      if seen[at] == 0 {
        seen[at] = hash
        return true
      }
      at = (at + 1) % mostWays
    }
    return true
  }

  /// Whether a return address lies in the standard library, of which there is a copy for each type.
  private static func isRuntime(_ address: UInt64) -> Bool {
    let name = Symbols.kernelName(at: address)
    return runtimePrefixes.contains { prefix in
      prefix.utf8CodeUnitCount <= name.count
        && (0..<prefix.utf8CodeUnitCount).allSatisfy { name[$0] == prefix.utf8Start[$0] }
    }
  }

  private static let runtimePrefixes: [StaticString] = [
    "kernel_memalign", "swift_", "Array", "_", "specialized Array", "specialized static Array",
    "specialized _", "specialized ContiguousArray", "specialized Collection",
    "specialized RangeReplaceable", "specialized Sequence", "specialized Mutable",
    "AtomicAllocations",
  ]
}

// MARK: What it says

extension AtomicAllocations {
  /// Logs what has been found since the last call; not from under a spinlock.
  static func report() {
    while printed < count {
      for line in describe(printed) { log("lockdep", line) }
      printed += 1
    }
  }

  /// Part of /proc/lockdep.
  static func write(to text: inout Text) {
    text.append("\(count) places where an object is made and memory cannot be waited for\n")
    for index in 0..<count { for line in describe(index) { text.append("\(line)\n") } }
  }

  private static func describe(_ index: Int) -> [TextLine] {
    guard let place = places?[index] else { return [] }
    var headline: TextLine = "an object is made "
    if place.lockClass != 0 {
      headline.append(line: "with spinlock \(LockClasses.name(place.lockClass)) held")
    } else if place.isInterrupt {
      headline.append("by an interrupt handler")
    } else {
      headline.append("with interrupts or preemption off")
    }
    headline.append(line: ", in \(Symbols.describe(place.callers[place.own]))")
    var lines = [headline]
    for caller in place.own + 1..<max(place.own + 1, place.callers.count) {
      guard place.callers[caller] != 0, lines.count < 5 else { break }
      lines.append("  called by \(Symbols.describe(place.callers[caller]))")
    }
    return lines
  }
}

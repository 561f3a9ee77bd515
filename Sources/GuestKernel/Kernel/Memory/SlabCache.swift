/// A cache of objects of one size, cut from blocks of pages and kept when they are free, so that the
/// next allocation costs a few instructions.
///
/// In front of the shared slabs every processor has a magazine, a small stack of free objects that it
/// uses without the lock. With `slabdebug` there are no magazines: every object is checked each time.
/// Lock: `lock` for the slabs; a magazine is its processor's, with interrupts off.
import KernelArch

final class SlabCache {
  let name: StaticString
  private let lock: SpinLock
  private var slab: Slab
  private let constructor: ((UnsafeMutableRawPointer) -> Void)?
  private let magazines: UnsafeMutablePointer<UnsafeMutablePointer<Magazine>?>
  /// Objects that lie in magazines; changed by atomic operations.
  private var stocked: UInt32 = 0

  /// With `slabdebug`: set before the first cache is made.
  nonisolated(unsafe) static var checksEverything = false
  /// Called for each fault that is found; by default the kernel stops.
  nonisolated(unsafe) static var reportFault: (SlabReport) -> Void = { $0.stop() }
  /// All caches, for /proc/slabinfo.
  ///
  /// Lock: `registry`.
  nonisolated(unsafe) private(set) static var all: [Unmanaged<SlabCache>] = []
  private static let registry = SpinLock("slab caches")

  /// The objects that one processor has at hand.
  struct Magazine {
    static let capacity = 14
    var count = 0
    var objects = InlineArray<14, UInt>(repeating: 0)
  }

  init(
    _ name: StaticString, size: Int, alignment: Int = 8, isChecked: Bool = checksEverything,
    constructor: ((UnsafeMutableRawPointer) -> Void)? = nil
  ) {
    self.name = name
    self.constructor = constructor
    lock = SpinLock(name)
    let layout = SlabLayout(
      size: size, alignment: alignment, isChecked: Configuration.SLAB_CHECKS && isChecked,
      hasConstructor: constructor != nil)
    slab = Frames.makeSlab(layout)
    magazines = .allocate(capacity: CPU.capacity)
    magazines.initialize(repeating: nil, count: CPU.capacity)
    let me = Unmanaged.passUnretained(self)
    SlabCache.registry.withLockIRQ { SlabCache.all.append(me) }
  }

  private var isChecked: Bool { Configuration.SLAB_CHECKS && slab.layout.isChecked }
  var objectSize: Int { slab.layout.objectSize }
  var alignment: Int { slab.layout.alignment }

  /// Called when nobody has an object of the cache any more: gives all slabs back.
  func destroy() {
    emptyMagazines()
    shrink()
    let isEmpty = lock.withLockIRQ { slab.slabs == 0 }
    if !isEmpty { panic("slab cache \(name) destroyed with objects in use") }
    SlabCache.registry.withLockIRQ { SlabCache.all.removeAll { $0.toOpaque() == identity } }
    for index in 0..<CPU.capacity { magazines[index]?.deallocate() }
    magazines.deallocate()
  }

  private var identity: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }
}

// MARK: Allocation

extension SlabCache {
  /// An object, or nil when memory has run out.
  func allocate(_ flags: GFP = .kernel) -> UnsafeMutableRawPointer? {
    let object = isChecked ? allocateChecked(flags) : allocateQuickly(flags)
    if flags.contains(.zero), let object {
      object.initializeMemory(as: UInt8.self, repeating: 0, count: objectSize)
    }
    return object
  }

  /// Takes an object back.
  func release(_ object: UnsafeMutableRawPointer) {
    if isChecked {
      giveBack(object, by: Callers.collect())
    } else {
      Interrupts.off { releaseQuickly(object) }
    }
  }

  private func allocateQuickly(_ flags: GFP) -> UnsafeMutableRawPointer? {
    let quick: UnsafeMutableRawPointer? = Interrupts.off {
      guard let magazine = magazines[Int(percpu_index())], magazine.pointee.count > 0 else {
        return nil
      }
      magazine.pointee.count -= 1
      _ = atomic_add32(&stocked, UInt32.max)
      return UnsafeMutableRawPointer(
        bitPattern: magazine.pointee.objects[magazine.pointee.count])
    }
    return quick ?? allocateFromSlabs(flags, Slab.Callers(repeating: 0))
  }

  private func allocateChecked(_ flags: GFP) -> UnsafeMutableRawPointer? {
    allocateFromSlabs(flags, Callers.collect())
  }

  private func allocateFromSlabs(_ flags: GFP, _ callers: Slab.Callers) -> UnsafeMutableRawPointer?
  {
    while true {
      var fault: SlabFault?
      let object = lock.withLockIRQ { slab.take(by: callers, &fault) }
      if let fault { report(fault, object) }
      if let object { return object }
      guard let block = Frames.allocate(order: slab.layout.order, flags.subtracting(.zero)) else {
        return nil
      }
      lock.withLockIRQ {
        slab.add(
          Int(block.value / pageSize), owner: UInt(bitPattern: identity),
          construct: { constructor?($0) })
      }
    }
  }

  /// Interrupts are off.
  private func releaseQuickly(_ object: UnsafeMutableRawPointer) {
    let cpu = Int(percpu_index())
    guard let magazine = magazines[cpu], magazine.pointee.count < Magazine.capacity else {
      giveBack(object, by: Slab.Callers(repeating: 0))
      return
    }
    magazine.pointee.objects[magazine.pointee.count] = UInt(bitPattern: object)
    magazine.pointee.count += 1
    _ = atomic_add32(&stocked, 1)
  }

  private func giveBack(_ object: UnsafeMutableRawPointer, by callers: Slab.Callers) {
    let fault = lock.withLockIRQ { slab.give(object, by: callers) }
    if let fault { report(fault, object) }
  }

  private func report(_ fault: SlabFault, _ object: UnsafeMutableRawPointer?) {
    SlabCache.reportFault(
      SlabReport(
        cache: name, size: objectSize, fault: fault, object: object,
        allocatedBy: object.map { slab.callers($0, 0) } ?? Slab.Callers(repeating: 0),
        freedBy: object.map { slab.callers($0, 1) } ?? Slab.Callers(repeating: 0)))
  }

  /// Looks at all objects of slabs with room; reports the first fault.
  func verify() {
    let found = lock.withLockIRQ { slab.firstFault() }
    if let (fault, object) = found { report(fault, object) }
  }
}

// MARK: Giving memory back, and counting

extension SlabCache {
  /// Lets this cache use magazines, from when on there are processors and a heap.
  func addMagazines() {
    guard !slab.layout.isChecked else { return }
    for index in 0..<CPU.count where magazines[index] == nil {
      let magazine = UnsafeMutablePointer<Magazine>.allocate(capacity: 1)
      magazine.initialize(to: Magazine())
      magazines[index] = magazine
    }
  }

  /// Gives the blocks of empty slabs back; returns how many frames that were.
  @discardableResult
  func shrink() -> Int {
    var frames = 0
    while let frame = lock.withLockIRQ({ slab.removeEmpty() }) {
      Frames.release(PhysicalAddress(UInt64(frame) * pageSize))
      frames += 1 << slab.layout.order
    }
    return frames
  }

  private func emptyMagazines() {
    for index in 0..<CPU.capacity {
      guard let magazine = magazines[index] else { continue }
      while magazine.pointee.count > 0 {
        magazine.pointee.count -= 1
        _ = atomic_add32(&stocked, UInt32.max)
        if let object = UnsafeMutableRawPointer(
          bitPattern: magazine.pointee.objects[magazine.pointee.count])
        {
          giveBack(object, by: Slab.Callers(repeating: 0))
        }
      }
    }
  }

  struct Figures {
    var inUse: Int
    var objects: Int
    var stride: Int
    var slabs: Int
    var pagesPerSlab: Int
    var bytes: Int { slabs * pagesPerSlab * Int(pageSize) }
  }

  var figures: Figures {
    lock.withLockIRQ {
      Figures(
        inUse: slab.objectsInUse - Int(stocked), objects: slab.objectCount,
        stride: slab.layout.stride, slabs: slab.slabs, pagesPerSlab: 1 << slab.layout.order)
    }
  }
}

// MARK: Who did it

enum Callers {
  /// The return addresses above the allocator, innermost first.
  @inline(never)
  static func collect() -> Slab.Callers {
    var callers = Slab.Callers(repeating: 0)
    var frame = read_rbp()
    var count = 0
    var skipped = 0
    while count < SlabLayout.callers, frame & 7 == 0, frame >= Layout.directMap {
      let words = UnsafePointer<UInt64>(OpaquePointer(pointer_to(frame)))
      let address = words[1]
      guard address >= linker_text_start(), address < linker_text_end() else { break }
      if skipped < 2 {
        skipped += 1
      } else {
        callers[count] = address
        count += 1
      }
      guard words[0] > frame, words[0] - frame < KernelStacks.size else { break }
      frame = words[0]
    }
    return callers
  }
}

/// What there is to say about a damaged object.
struct SlabReport {
  let cache: StaticString
  let size: Int
  let fault: SlabFault
  let object: UnsafeMutableRawPointer?
  let allocatedBy: Slab.Callers
  let freedBy: Slab.Callers

  var headline: TextLine {
    var line: TextLine = "slab \(cache), object of \(size) bytes: \(fault.name)"
    switch fault {
    case .outOfBounds(let offset, let found), .useAfterFree(let offset, let found):
      line.append(line: ", offset \(offset) holds \(hex: found, digits: 2)")
    default: break
    }
    return line
  }

  func printCallers() {
    printChain("allocated by", allocatedBy)
    printChain("freed by", freedBy)
  }

  private func printChain(_ what: StaticString, _ callers: Slab.Callers) {
    for index in callers.indices where callers[index] != 0 {
      let verb: StaticString = index == 0 ? what : ""
      Console.write("  \(verb, padded: 14)\(Symbols.describe(callers[index]))\n")
    }
  }

  func stop() {
    printCallers()
    panic(headline)
  }
}

/// A slab cache with red zones and patterns, and what it says about the mistakes of its users.
import KernelArch

enum SlabDemo {
  nonisolated(unsafe) private static var last: SlabReport?

  static func run() -> Bool {
    let reporter = SlabCache.reportFault
    SlabCache.reportFault = { last = $0 }
    defer { SlabCache.reportFault = reporter }
    Demo.say(
      "A cache of 40-byte objects, checked: red zones of \(hex: SlabPattern.redZoneUsed) around each, free ones"
    )
    Demo.say(
      "filled with \(hex: SlabPattern.free). `slabdebug` on the command line does it for all caches."
    )
    var passed = overrun()
    passed = useAfterFree() && passed
    passed = doubleFree() && passed
    passed = construction() && passed
    return speed() && passed
  }

  private static func makeCache() -> SlabCache { SlabCache("demo", size: 40, isChecked: true) }

  private static func expect(_ claim: TextLine, _ isRight: (SlabFault) -> Bool) -> Bool {
    guard let report = last else { return Demo.check(false, claim) }
    last = nil
    Demo.say(report.headline)
    report.printCallers()
    return Demo.check(isRight(report.fault), claim)
  }

  private static func overrun() -> Bool {
    let cache = makeCache()
    guard let object = cache.allocate() else { return false }
    (object + 41).storeBytes(of: 0x21, as: UInt8.self)
    cache.release(object)
    let passed = expect("a byte beyond the end was noticed when the object came back") {
      $0 == .outOfBounds(offset: 41, found: 0x21)
    }
    (object + 41).storeBytes(of: SlabPattern.redZoneUsed, as: UInt8.self)
    cache.release(object)
    cache.destroy()
    return passed
  }

  private static func useAfterFree() -> Bool {
    let cache = makeCache()
    guard let object = cache.allocate() else { return false }
    cache.release(object)
    (object + 8).storeBytes(of: 0x21, as: UInt8.self)
    guard let again = cache.allocate() else { return false }
    let passed = expect("a write to a freed object was noticed at the next allocation") {
      $0 == .useAfterFree(offset: 8, found: 0x21)
    }
    cache.release(again)
    cache.destroy()
    return passed
  }

  private static func doubleFree() -> Bool {
    let cache = makeCache()
    guard let object = cache.allocate(), let other = cache.allocate() else { return false }
    cache.release(object)
    cache.release(object)
    var passed = expect("freeing twice was noticed at once") { $0 == .doubleFree }
    cache.release(other + 8)
    passed =
      expect("so was freeing what is not the beginning of an object") { $0 == .notAnObject }
      && passed
    cache.release(other)
    cache.destroy()
    return passed
  }

  private static func construction() -> Bool {
    let made = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    defer { made.deallocate() }
    made.pointee = 0
    let cache = SlabCache("demo-constructed", size: 256, isChecked: false) { object in
      made.pointee += 1
      object.storeBytes(of: 0x1234, as: UInt64.self)
    }
    var isKept = true
    for _ in 0..<100 {
      guard let object = cache.allocate() else { return false }
      isKept = isKept && object.load(as: UInt64.self) == 0x1234
      cache.release(object)
    }
    let figures = cache.figures
    cache.destroy()
    return Demo.check(
      isKept && made.pointee == figures.objects,
      "100 allocations, \(made.pointee) constructions: one for each object of the slab, not for each use"
    )
  }

  private static func speed() -> Bool {
    let before = KernelHeap.liveBlocks
    var objects: [UnsafeMutableRawPointer] = []
    objects.reserveCapacity(64)
    for size in 1...64 {
      guard let object = Kmalloc.allocate(size * 100) else { return false }
      objects.append(object)
    }
    for object in objects { Kmalloc.release(object) }
    objects = []
    return Demo.check(
      KernelHeap.liveBlocks == before, "64 pieces of 100 to 6400 bytes from kmalloc came back")
  }
}

import GuestKernel
import Testing

@Suite struct MemoryMapTests {
  private func region(_ base: UInt64, _ end: UInt64, _ kind: MemoryKind = .usable) -> MemoryRegion {
    MemoryRegion(base: base, end: end, kind: kind)
  }

  @Test func sortsAndJoins() {
    let map = MemoryMap(firmware: [
      region(0x3000, 0x5000), region(0x0, 0x1000), region(0x1000, 0x3000),
      region(0x8000, 0x8000), region(0x9000, 0x8000),
    ])
    #expect(map.regions == [region(0, 0x5000)])
  }

  @Test func theStricterKindWinsInAnyOrder() {
    let usable = region(0x1000, 0x9000)
    let reserved = region(0x3000, 0x4000, .reserved)
    let tables = region(0x3800, 0x5000, .acpiReclaimable)
    let expected = [
      region(0x1000, 0x3000), region(0x3000, 0x3800, .reserved),
      region(0x3800, 0x5000, .acpiReclaimable), region(0x5000, 0x9000),
    ]
    for order in [
      [usable, reserved, tables], [tables, reserved, usable], [reserved, usable, tables],
    ] {
      #expect(MemoryMap(firmware: order).regions == expected)
    }
  }

  @Test func reservationsLeaveWholeFrames() {
    var map = MemoryMap(firmware: [region(0x100, 0x9_fc00), region(0x10_0000, 0x80_0000)])
    map.reserve(base: 0x10_0000, end: 0x20_0000)
    map.reserve(base: 0x40_0800, end: 0x40_0900)
    #expect(map.usableFrames == [1..<0x9f, 0x200..<0x400, 0x401..<0x800])
    #expect(map.endOfUsable == 0x80_0000)
    #expect(map.findSpace(length: 0x20_0000, from: 0, below: .max) == 0x20_0000)
    #expect(map.findSpace(length: 0x30_0000, from: 0, below: .max) == 0x40_1000)
    #expect(map.findSpace(length: 0x30_0000, from: 0, below: 0x60_0000) == nil)
    #expect(map.findSpace(length: 0x100_0000, from: 0, below: .max) == nil)
  }

  /// Against a model with one entry per page.
  @Test func randomMapsAgreeWithAModel() {
    var random = Random(seed: 11)
    let kinds: [MemoryKind] = [.usable, .reserved, .acpiReclaimable, .acpiNonVolatile, .unusable]
    for _ in 0..<300 {
      var firmware: [MemoryRegion] = []
      var model = [UInt32](repeating: 0, count: 64)
      for _ in 0..<Int(random.next() % 12) {
        let base = random.next() % 64
        let end = min(64, base + random.next() % 20)
        let kind = kinds[Int(random.next() % 5)]
        firmware.append(region(base << 12, end << 12, kind))
        for page in base..<end { model[Int(page)] = max(model[Int(page)], kind.rawValue) }
      }
      var result = [UInt32](repeating: 0, count: 64)
      var last: UInt64 = 0
      for region in MemoryMap(firmware: firmware).regions {
        #expect(region.base >= last && region.end > region.base)
        last = region.end
        for page in region.base >> 12..<region.end >> 12 {
          result[Int(page)] = region.kind.rawValue
        }
      }
      #expect(result == model)
    }
  }
}

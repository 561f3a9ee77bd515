import Glibc

/// Decoded blocks by physical address, RIP, mode and limit of the code segment.
///
/// Blocks live in one arena and are never freed one by one: a block whose code is written is taken
/// out of the index and its incoming links are undone. When the arena is full, everything goes.
/// The processors of a machine share their blocks, so that what one of them writes is dropped for
/// all; only one of them runs at a time.
final class BlockCache {
  typealias Header = UnsafeMutablePointer<BlockHeader>

  private static let arenaSize = 24 << 20
  /// The most that one block needs.
  private static let reserve = 64 << 10
  private static let bucketCount = 1 << 16

  private let ram: GuestRAM
  private let arena: UnsafeMutableRawPointer
  /// Heads of the chains of `BlockHeader.nextInBucket`.
  private let buckets: UnsafeMutablePointer<Header?>
  private var used = 0
  /// The blocks of each page of code.
  private var pages: [UInt64: [Header]] = [:]
  /// The processors that run these blocks.
  private(set) var processors: [CPU] = []
  /// Is told of every block that was made, before it executes for the first time.
  var blockObserver: ((_ cpu: CPU, _ physical: UInt64) -> Void)?
  /// Where executions are added up, while they are counted.
  var counters: ExecutionCounters?

  init(ram: GuestRAM) {
    self.ram = ram
    arena = Self.reserveArena()
    buckets = .allocate(capacity: Self.bucketCount)
    buckets.initialize(repeating: nil, count: Self.bucketCount)
  }

  deinit {
    munmap(arena, Self.arenaSize)
    buckets.deallocate()
  }

  private static func reserveArena() -> UnsafeMutableRawPointer {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    let region = mmap(nil, arenaSize, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let region, region != MAP_FAILED else { abort() }
    return region
  }

  /// Lets `cpu` run these blocks, and hear when any is dropped.
  func attach(_ cpu: CPU) { processors.append(cpu) }

  func detach(_ cpu: CPU) { processors.removeAll { $0.state == cpu.state } }

  /// Physical pages became something else, so everything must go before anybody runs again.
  func mapChanged() {
    for cpu in processors {
      cpu.flushTLB()
      cpu.state.pointee.dropsBlocks = true
    }
  }

  @inline(__always)
  private func bucket(_ physical: UInt64) -> UnsafeMutablePointer<Header?> {
    let hash = physical ^ physical >> 16
    return buckets + Int(truncatingIfNeeded: hash & UInt64(Self.bucketCount - 1))
  }

  /// The block that starts at a physical address, decoded at `rip` in `mode` within `codeLimit`.
  @inline(__always)
  func block(
    physical: UInt64, rip: UInt64, mode: ExecutionMode, codeLimit: UInt32
  ) -> Header? {
    var header = bucket(physical).pointee
    while let candidate = header {
      if candidate.pointee.physical == physical && candidate.pointee.rip == rip
        && candidate.pointee.mode == mode && candidate.pointee.codeLimit == codeLimit
      {
        return candidate
      }
      header = candidate.pointee.nextInBucket
    }
    return nil
  }

  /// Whether a new block may not fit, so that `dropEverything` is due.
  var isFull: Bool { used + Self.reserve > Self.arenaSize }

  /// Takes memory from the arena; the caller has checked `isFull`.
  func allocate(_ size: Int) -> UnsafeMutableRawPointer {
    defer { used += (size + 15) & ~15 }
    return arena + used
  }

  /// Makes a block findable; stores to its page must look from now on.
  func insert(_ header: Header) {
    let physical = header.pointee.physical
    let head = bucket(physical)
    header.pointee.nextInBucket = head.pointee
    head.pointee = header
    pages[physical >> 12, default: []].append(header)
    mark(physical & ~0xFFF, GuestRAM.lines(physical & 0xFFF, UInt64(header.pointee.length)))
  }

  /// Makes stores to lines of a page look, whichever processor makes them.
  func mark(_ page: UInt64, _ lines: UInt64) {
    guard ram.addCode(page: page, lines: lines) else { return }
    for cpu in processors { cpu.withdrawWriteTags(physicalPage: page) }
  }

  /// Drops the blocks whose code overlaps a write, and ends the monitors it triggers.
  func invalidate(_ address: PhysicalAddress, count: UInt64) -> WriteEffect {
    var effect = triggerMonitors(address, count: count)
    let number = address.value >> 12
    let start = address.value
    let end = start &+ count
    // Data beside code is written again and again: mostly there is no overlap.
    if let blocks = pages[number], blocks.contains(where: { $0.pointee.overlaps(start, end) }) {
      var kept: [Header] = []
      for header in blocks {
        if header.pointee.overlaps(start, end) {
          drop(header)
        } else {
          kept.append(header)
        }
      }
      pages[number] = kept.isEmpty ? nil : kept
      effect.insert(.droppedCode)
    }
    if !effect.isEmpty { refreshLines(page: number << 12) }
    return effect
  }

  /// Finds anew which lines of a page stores must look at.
  func refreshLines(page: UInt64) {
    var lines = monitoredLines(page: page)
    for header in pages[page >> 12] ?? [] {
      let block = header.pointee
      lines |= GuestRAM.lines(block.physical & 0xFFF, UInt64(block.length))
    }
    ram.setCode(page: page, lines: lines)
  }

  private func drop(_ header: Header) {
    var link = bucket(header.pointee.physical)
    while let candidate = link.pointee, candidate != header {
      link = UnsafeMutableRawPointer(candidate).assumingMemoryBound(to: Header?.self)
    }
    link.pointee = header.pointee.nextInBucket
    header.pointee.isDropped = true
    var incoming = header.pointee.incoming
    while let node = incoming {
      node.pointee.operation.pointee.handler = address(coldLink)
      setBranch(node.pointee.operation, to: UnsafePointer(node.pointee.operation))
      incoming = node.pointee.next
    }
    header.pointee.incoming = nil
    let first = (UnsafeMutableRawPointer(header) + BlockHeader.size)
      .assumingMemoryBound(to: Operation.self)
    first.pointee.handler = address(coldDropped)
  }

  /// Forgets every block.
  ///
  /// Only between instructions, with no operation running.
  func dropEverything() {
    counters?.harvestAndForget()
    for number in pages.keys { ram.setCode(page: number << 12, lines: 0) }
    pages.removeAll(keepingCapacity: true)
    buckets.update(repeating: nil, count: Self.bucketCount)
    used = 0
    for cpu in processors { cpu.blocksWereDropped() }
    markMonitors()
  }
}

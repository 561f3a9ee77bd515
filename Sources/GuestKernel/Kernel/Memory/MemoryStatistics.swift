/// Counts of what memory management has done and has, and the files of /proc that show them.
import KernelArch

enum MemoryStatistics {
  enum Counter: Int {
    case faults, majorFaults, copies, hugeFaults
    case scanned, stolen, swappedIn, swappedOut, kills, allocationFailures
    case cachedPages, sharedPages, objects, writtenBack
    case last
  }

  private static let names: [StaticString] = [
    "pgfault", "pgmajfault", "pgcow", "thp_fault_alloc", "pgscan", "pgsteal", "pswpin", "pswpout",
    "oom_kill", "allocfail", "nr_file_pages", "nr_shmem", "nr_objects", "pgwriteback",
  ]

  nonisolated(unsafe) private static var counters = InlineArray<16, UInt64>(repeating: 0)

  static func count(_ counter: Counter) { change(counter, by: 1) }

  static func change(_ counter: Counter, by amount: Int) {
    _ = atomic_add64(&counters[counter.rawValue], UInt64(bitPattern: Int64(amount)))
  }

  static func value(_ counter: Counter) -> UInt64 { counters[counter.rawValue] }

  static func publish() {
    ProcFS.add("meminfo") { text in describe(&text) }
    ProcFS.add("vmstat") { text in
      text.append("nr_free_pages \(Frames.freeCount)\n")
      text.append("nr_active \(Frames.activeCount)\n")
      text.append("nr_inactive \(Frames.inactiveCount)\n")
      for index in 0..<Counter.last.rawValue {
        text.append("\(names[index]) \(counters[index])\n")
      }
    }
    ProcFS.add("buddyinfo") { text in describeZones(&text) }
    ProcFS.add("slabinfo") { text in describeCaches(&text) }
    if Configuration.SWAP { ProcFS.add("swaps", write: controlSwap) { describeSwap(&$0) } }
    ProcFS.addPerProcess("maps") { process, text in describeAreas(process.space, to: &text) }
    ProcFS.addPerProcess("oom_score") { process, text in
      text.append("\(OutOfMemory.score(process.space))\n")
    }
    ProcFS.addPerProcess("statm") { process, text in
      let space = process.space
      let size = space.lock.withLock { space.areas.pages { _ in true } }
      text.append(
        "size \(size) resident \(space.pageCount) swapped \(space.swappedCount) faults \(space.minorFaults) major \(space.majorFaults) copies \(space.copies)\n"
      )
    }
    ProcFS.add("vmallocinfo") { text in VirtualMemory.describe(&text) }
    publishControls()
  }

  private static func describeSwap(_ text: inout Text) {
    guard let area = Swap.area else { return }
    text.append("\(text: area.name) \(area.slots * 4) KiB, \(Swap.usedSlots * 4) KiB used\n")
  }

  /// `echo PATH > /proc/swaps` begins to swap there, `echo off` stops.
  private static func controlSwap(_ bytes: [UInt8]) -> SystemError? {
    var path = bytes
    while let last = path.last, last == 0x0a || last == 0x20 { path.removeLast() }
    do throws(SystemFailure) {
      if path.equals("off") {
        try Swap.leave()
      } else {
        try Swap.use(path)
      }
      return nil
    } catch {
      return error.error
    }
  }

  private static func publishControls() {
    addControl("sys/vm/overcommit_memory", { Commitment.mode.rawValue }) { value in
      guard let mode = Commitment.Mode(rawValue: value) else { return false }
      Commitment.mode = mode
      return true
    }
    addControl("sys/vm/overcommit_ratio", { Commitment.ratio }) { value in
      Commitment.ratio = value
      return value <= 1000
    }
  }

  private static func addControl(
    _ path: StaticString, _ get: @escaping () -> UInt64, _ set: @escaping (UInt64) -> Bool
  ) {
    ProcFS.add(
      path,
      write: { bytes in
        var digits = bytes
        while let last = digits.last, last == 0x0a || last == 0x20 { digits.removeLast() }
        guard let value = digits.decimal, set(value) else { return .invalidArgument }
        return nil
      }
    ) { text in text.append("\(get())\n") }
  }
}

// MARK: Texts

extension MemoryStatistics {
  private static func describe(_ text: inout Text) {
    line(&text, "MemTotal:", Frames.usable)
    line(&text, "MemFree:", Frames.freeBytes)
    line(&text, "MemAvailable:", Commitment.available * pageSize)
    line(&text, "Cached:", value(.cachedPages) * pageSize)
    line(&text, "Shmem:", value(.sharedPages) * pageSize)
    line(&text, "Active:", UInt64(Frames.activeCount) * pageSize)
    line(&text, "Inactive:", UInt64(Frames.inactiveCount) * pageSize)
    line(&text, "SwapTotal:", UInt64(Swap.slots) * pageSize)
    line(&text, "SwapFree:", UInt64(Swap.freeSlots) * pageSize)
    line(&text, "Slab:", KernelHeap.bytesTotal)
    line(&text, "PageTables:", PageTables.frameCount * pageSize)
    line(&text, "KernelStack:", KernelStacks.bytes)
    line(&text, "VmallocUsed:", VirtualMemory.bytesInUse)
    line(&text, "CommitLimit:", Commitment.limit * pageSize)
    line(&text, "Committed_AS:", Commitment.pages * pageSize)
  }

  private static func line(_ text: inout Text, _ name: StaticString, _ bytes: UInt64) {
    text.append("\(name, padded: 16)\(bytes >> 10, width: 8) kB\n")
  }

  private static func describeZones(_ text: inout Text) {
    for number in 0..<(Frames.inspect { $0.zones.count } ?? 0) {
      // A copy of one zone: under the lock of all frames nothing may ask for memory.
      guard let zone = Frames.inspect({ $0.zones[number] }) else { return }
      var line: TextLine = "zone \(zone.name, padded: 8)"
      for order in 0...BuddyAllocator.largestOrder {
        line.append(line: " \(zone.counts[order], width: 6)")
      }
      text.append("\(line)\n")
    }
  }

  private static func describeCaches(_ text: inout Text) {
    text.append("name                 in use  objects   bytes  slabs  pages\n")
    for cache in SlabCache.all {
      cache._withUnsafeGuaranteedRef { cache in
        let f = cache.figures
        text.append(
          "\(cache.name, padded: 18) \(f.inUse, width: 8) \(f.objects, width: 8) \(f.stride, width: 7) \(f.slabs, width: 6) \(f.slabs * f.pagesPerSlab, width: 6)\n"
        )
      }
    }
  }

  /// More areas than these are only counted in /proc/PID/maps.
  private static let mostLines = 4000

  /// The lines of /proc/PID/maps.
  static func describeAreas(_ space: AddressSpace, to text: inout Text) {
    space.lock.withLock {
      for (number, area) in space.areas.enumerated() {
        guard number < mostLines else {
          return text.append("and \(space.areas.count - number) more\n")
        }
        let p = area.protection
        let r: StaticString = p.contains(.read) ? "r" : "-"
        let w: StaticString = p.contains(.write) ? "w" : "-"
        let x: StaticString = p.contains(.execute) ? "x" : "-"
        let s: StaticString = area.isShared ? "s" : "p"
        var line: TextLine =
          "\(hex: area.start, digits: 12)-\(hex: area.end, digits: 12) \(r)\(w)\(x)\(s) \(hex: area.offset, digits: 8) "
        if let object = area.object {
          line.append(bytes: object.name)
        } else if area.kind.contains(.stack) {
          line.append("[stack]")
        } else if area.kind.contains(.heap) {
          line.append("[heap]")
        }
        text.append("\(line)\n")
      }
    }
  }
}

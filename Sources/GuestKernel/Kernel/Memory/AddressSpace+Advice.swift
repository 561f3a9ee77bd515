/// madvise: what a program says about its own use of memory.
import KernelArch

extension AddressSpace {
  /// Acts on the advice; false when part of the range is not mapped.
  func advise(_ range: Range<UInt64>, _ advice: MemoryAdvice) -> Bool {
    guard lock.withLock({ areas.covers(range) }) else { return false }
    switch advice {
    case .normal: break
    case .willNeed: populate(range)
    case .dontNeed:
      lock.withLock {
        splitLarge(at: range.lowerBound)
        splitLarge(at: range.upperBound)
        dropPages(range)
      }
    case .hugePage: setHugePages(range, true)
    case .noHugePage: setHugePages(range, false)
    }
    return true
  }

  private func setHugePages(_ range: Range<UInt64>, _ isWanted: Bool) {
    lock.withLock {
      areas.update(range) { area in
        if isWanted, area.object == nil {
          area.kind.insert(.hugePages)
        } else {
          area.kind.subtract([.hugePages, .onlyHugePages])
        }
      }
    }
  }
}

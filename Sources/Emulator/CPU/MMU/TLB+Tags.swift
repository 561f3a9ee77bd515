/// Taking back what the TLB allows without a look; it still knows the translations.
extension CPU {
  /// Withdraws the right to write straight to a physical page, which now holds decoded code.
  func withdrawWriteTags(physicalPage: UInt64) {
    for number in 0..<CacheLayout.banks {
      let entries = bank(number)
      for slot in 0..<CacheLayout.tlbEntries
      where entries[slot].physical & ~0xFFF == physicalPage {
        entries[slot].writeTag = Self.invalidTag(slot: slot)
      }
    }
  }

  /// Withdraws the right to write straight to any page.
  func withdrawWriteTags() {
    eachFilledEntry { number, slot in
      bank(number)[slot].writeTag = Self.invalidTag(slot: slot)
    }
  }

  /// Withdraws the right to access any page without a look.
  func withdrawTags() {
    eachFilledEntry { number, slot in
      let invalid = Self.invalidTag(slot: slot)
      bank(number)[slot].readTag = invalid
      bank(number)[slot].writeTag = invalid
    }
  }

  /// Calls `body` with bank and slot of each entry that may hold anything.
  @inline(__always)
  func eachFilledEntry(_ body: (_ bank: Int, _ slot: Int) -> Void) {
    for number in 0..<CacheLayout.banks {
      let occupancy = occupancy(number)
      for word in 0..<(CacheLayout.tlbEntries / 64) {
        var pending = occupancy.pointee.filled[word]
        while pending != 0 {
          body(number, word &* 64 &+ pending.trailingZeroBitCount)
          pending &= pending &- 1
        }
      }
    }
  }

  /// Makes every cached jump unusable, whatever it leads to, without a change of epoch.
  func clearJumpCache() {
    for index in 0..<CacheLayout.jumpEntries { jumpCache[index].key = 0 }
  }
}

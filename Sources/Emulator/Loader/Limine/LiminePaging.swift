/// Which of the paging modes a Limine kernel gets.
///
/// The Limine Boot Protocol, "Paging Mode Feature".
struct LiminePaging {
  let image: LimineImage
  let requests: LimineRequests

  /// The levels of paging that the kernel wants and the processor has.
  func levels(hasFiveLevels: Bool) throws(ImageError) -> UInt64 {
    guard let preferred = image.field(.pagingMode, 0, of: requests) else {
      let isRequested = requests.requests.contains { $0.feature == .fiveLevelPaging }
      return isRequested && hasFiveLevels ? 5 : 4
    }
    let hasLimits = (image.revision(.pagingMode, of: requests) ?? 0) >= 1
    let highest = hasLimits ? image.field(.pagingMode, 1, of: requests) ?? preferred : preferred
    let lowest = hasLimits ? image.field(.pagingMode, 2, of: requests) ?? 0 : 0
    // Mode 0 has 4 levels, mode 1 has 5.
    let modes = (hasFiveLevels ? [0, 1] : [0] as [UInt64]).filter { $0 >= lowest && $0 <= highest }
    guard let last = modes.last, let first = modes.first else {
      throw ImageError(
        image.kernel.elf.name,
        "it supports the Limine protocol's paging modes \(lowest) to \(highest) only, and "
          + (hasFiveLevels ? "there are 0 and 1" : "this processor has 0 alone"))
    }
    return 4 + min(max(preferred, first), last)
  }
}

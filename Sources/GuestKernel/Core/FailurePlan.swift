/// Which of many requests for memory is refused, though there is some: to see whether all who ask can take
/// no for an answer.
///
/// `nth=5` refuses the fifth request from now on, and no other: raised from 1 until an operation no longer
/// gets that far, it visits every place where the operation can fail. `every=40` refuses each fortieth,
/// `chance=50` on average one of fifty, by numbers that follow from `seed=N`. With
/// `kinds=frames+areas` others are not counted, with `process=12` those of others are not.
package struct FailurePlan: Equatable {
  package enum Rule: Equatable {
    case only(UInt64)
    case every(UInt64)
    case chance(UInt64)
  }

  package struct Kinds: OptionSet, Equatable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Frames for pages, tables and contents of files.
    package static let frames = Kinds(rawValue: 1)
    /// Buffers of the kernel's heap.
    package static let buffers = Kinds(rawValue: 2)
    /// Areas of address spaces.
    package static let areas = Kinds(rawValue: 4)
    /// Kernel stacks for programs' threads.
    package static let stacks = Kinds(rawValue: 8)
    package static let all: Kinds = [.frames, .buffers, .areas, .stacks]

    package static let names: [(kind: Kinds, name: StaticString)] = [
      (.frames, "frames"), (.buffers, "buffers"), (.areas, "areas"), (.stacks, "stacks"),
    ]
  }

  package var rule: Rule
  package var kinds = Kinds.all
  /// 0 for all of them.
  package var process = 0
  package private(set) var requests: UInt64 = 0
  package private(set) var refusals: UInt64 = 0
  private var state: UInt64 = 1

  /// From words between blanks or commas; nil when it is not understood, or has no rule.
  package init?(_ text: [UInt8]) {
    var rule: Rule?
    for word in text.split(whereSeparator: { $0 == 0x20 || $0 == 0x2c || $0 == 0x0a }) {
      let parts = word.split(separator: 0x3d, maxSplits: 1).map { Array($0) }
      guard parts.count == 2 else { return nil }
      if parts[0].equals("kinds") {
        guard let kinds = FailurePlan.kinds(parts[1]) else { return nil }
        self.kinds = kinds
        continue
      }
      guard let number = parts[1].decimal, number <= 1 << 32 else { return nil }
      if parts[0].equals("seed") {
        state = number
      } else if parts[0].equals("process") {
        process = Int(number)
      } else {
        guard rule == nil, let named = FailurePlan.rule(parts[0], number) else { return nil }
        rule = named
      }
    }
    guard let rule else { return nil }
    self.rule = rule
  }

  private static func rule(_ name: [UInt8], _ number: UInt64) -> Rule? {
    guard number > 0 else { return nil }
    if name.equals("nth") { return .only(number) }
    if name.equals("every") { return .every(number) }
    return name.equals("chance") ? .chance(number) : nil
  }

  private static func kinds(_ list: [UInt8]) -> Kinds? {
    var kinds: Kinds = []
    for part in list.split(separator: 0x2b) {
      guard let known = Kinds.names.first(where: { Array(part).equals($0.name) }) else {
        return nil
      }
      kinds.formUnion(known.kind)
    }
    return kinds
  }

  /// A request by `process`: whether it is refused.
  package mutating func refuses(_ kind: Kinds, by process: Int) -> Bool {
    guard kinds.contains(kind), self.process == 0 || self.process == process else { return false }
    requests += 1
    let isRefused =
      switch rule {
      case .only(let number): requests == number
      case .every(let number): requests % number == 0
      case .chance(let number): next() % number == 0
      }
    if isRefused { refusals += 1 }
    return isRefused
  }

  /// Knuth's linear congruential generator, without its weak lower half.
  private mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }
}

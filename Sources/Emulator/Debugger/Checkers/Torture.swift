import Emulator

/// Timer interrupts at instruction boundaries that follow from a seed.
struct Torture {
  private let rate: UInt64
  private var numbers: SeededNumbers
  /// The instruction count of the next one.
  private(set) var next: UInt64

  init(_ options: CheckOptions.Torture, at position: UInt64) {
    rate = options.rate
    numbers = SeededNumbers(seed: options.seed)
    next = position
    choose(after: position)
  }

  private mutating func choose(after position: UInt64) {
    let (span, overflow) = rate.multipliedReportingOverflow(by: 2)
    next = position.addingClamped(1 + numbers.next() % max(overflow ? .max : span, 1))
  }

  /// Whether the machine stands at a chosen boundary, and takes interrupts there.
  mutating func isDue(_ machine: Machine) -> Bool {
    let position = machine.instructionCount
    guard position >= next else { return false }
    choose(after: position)
    return machine.mayInterrupt
  }
}

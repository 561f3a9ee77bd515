import Emulator

/// A kind of mistake that a checked run looks for.
public enum Check: String, CaseIterable, Sendable {
  /// A kernel stack that is exceeded.
  case stack
  /// An interrupt handler that returns without having ended its interrupt.
  case eoi
  /// Interrupts that are off for too long.
  case interrupts
  /// Writes to the kernel's code, and data that is executed.
  case code
  /// Pages of the kernel that applications may access, or that may be written and executed.
  case mapping
  /// Freed memory that is used or freed, overruns, and reads of what nobody has written.
  case heap
  /// Locks taken in different orders or twice, sleeping with one, and races.
  case locks

  /// What it looks for, in a line.
  public var summary: String {
    switch self {
    case .stack: "a kernel stack that is exceeded"
    case .eoi: "an interrupt handler that returns without EOI"
    case .interrupts: "interrupts that are off for too long"
    case .code: "writes to the kernel's code, and data that is executed"
    case .mapping: "kernel pages that applications may access, or that are writable and executable"
    case .heap: "use after free, double free, overruns, reads of what nobody has written"
    case .locks: "locks in different orders, sleeping with a lock, races"
    }
  }
}

/// What a checked run looks for, and what it has to know about the guest.
public struct CheckOptions: Sendable {
  /// A pair of functions that allocate and free memory.
  public struct Allocator: Equatable, Sendable {
    /// The function that allocates.
    public var allocate: String
    /// The function that frees; its first argument is the address.
    public var free: String
    /// Which argument of the first is the size, 1 for the first one.
    public var sizeArgument = 1
    /// Which argument points to where the address is stored; nil for one that returns it.
    public var resultArgument: Int?

    /// Names a pair.
    public init(
      _ allocate: String, _ free: String, sizeArgument: Int = 1, resultArgument: Int? = nil
    ) {
      self.allocate = allocate
      self.free = free
      self.sizeArgument = sizeArgument
      self.resultArgument = resultArgument
    }
  }

  /// A pair of functions that take and release a lock.
  public struct Lock: Equatable, Sendable {
    /// The function that takes a lock, and returns when it has it.
    public var take: String
    /// The function that releases it.
    public var release: String
    /// Which argument of both is the lock, 1 for the first one.
    public var argument = 1

    /// Names a pair.
    public init(_ take: String, _ release: String, argument: Int = 1) {
      self.take = take
      self.release = release
      self.argument = argument
    }
  }

  /// Interrupts of a timer at boundaries that a seed chooses.
  public struct Torture: Equatable, Sendable {
    /// Instructions between two interrupts, about.
    public var rate: UInt64
    /// What the boundaries follow from.
    public var seed: UInt64

    /// Interrupts every `rate` instructions, about.
    public init(rate: UInt64 = defaultRate, seed: UInt64 = 0) {
      self.rate = max(rate, 1)
      self.seed = seed
    }

    /// The rate unless told otherwise.
    public static let defaultRate: UInt64 = 10_000
  }

  /// The checks that are made.
  public var checks: Set<Check> = []
  /// The guest's allocators.
  public var allocators = knownAllocators
  /// The guest's locks.
  public var locks = knownLocks
  /// Functions that may sleep.
  public var sleepers: [String] = []
  /// Variables that processors and interrupt handlers share.
  public var sharedVariables: [String] = []
  /// Stacks: symbols, or numbers, of their low and their high end.
  public var stacks: [(low: String, high: String)] = []
  /// Bytes of the stacks that the TSS names, where no symbol says it.
  public var stackSize: UInt64?
  /// Instructions during which interrupts may be off.
  public var longestInterruptsOff: UInt64 = 10_000_000
  /// Interrupts at chosen boundaries.
  public var torture: Torture?
  /// The command that goes back to a position of the same run; a finding shows it.
  public var travelCommand = "emu debug"

  /// No checks.
  public init() {}

  /// Names that are looked for in every kernel.
  public static let knownAllocators = [
    Allocator("kernel_memalign", "kernel_free", sizeArgument: 3, resultArgument: 1),
    Allocator("Kernel.Kmalloc.allocate", "Kernel.Kmalloc.release"),
    Allocator("kmalloc", "kfree"), Allocator("__kmalloc", "kfree"), Allocator("malloc", "free"),
    Allocator("kheap_alloc", "kheap_free"),
  ]

  /// Names that are looked for in every kernel.
  public static let knownLocks = [
    Lock("_raw_spin_lock", "_raw_spin_unlock"), Lock("spin_lock", "spin_unlock"),
    Lock("spinlock_acquire", "spinlock_release"), Lock("acquire", "release"),
    Lock("mutex_lock", "mutex_unlock"),
  ]
}

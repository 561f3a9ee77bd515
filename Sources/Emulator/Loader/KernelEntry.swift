/// The state in which a boot protocol enters its kernel.
struct KernelEntry {
  /// What the processor runs in.
  enum Mode: Equatable {
    /// 32-bit protected mode without paging.
    case protected
    /// 64-bit mode with SSE on, mapped by the tables at `pageTableRoot`.
    case long(pageTableRoot: UInt64)
  }

  /// A general register that the protocol defines.
  struct Setting: Equatable {
    let register: Register
    let value: UInt64

    init(_ register: Register, _ value: UInt64) {
      self.register = register
      self.value = value
    }
  }

  /// What the processor runs in.
  let mode: Mode
  /// RIP.
  let address: UInt64
  /// CS, a descriptor in the table at `BootLayout.descriptors`.
  let code: UInt16
  /// All other segment registers.
  let data: UInt16
  /// The task register; 0 where none is loaded.
  var task = BootDescriptor.taskState
  /// How many descriptors the table has.
  let descriptorCount: Int
  /// The registers that the protocol defines; the others follow from the machine's seed.
  let registers: [Setting]
  /// Where the descriptors are, as the processor will see it.
  var descriptorAddress = BootLayout.descriptors
  /// IA32_PAT, where it is not that of a reset.
  var pageAttributes: UInt64?
  /// How the other processors are entered, where the protocol starts them.
  var others: [KernelEntry] = []
  /// Whether the tables have five levels.
  var hasFiveLevels = false
}

/// Everything one processor remembers, in one block of plain memory.
///
/// Handlers, the interpreter's slow methods and snapshots all see these bytes; there is no second
/// copy of any of it. The order of the first fields is part of the contract: operations address
/// the general registers by byte offset from the start.
public struct CPUState {
  /// The sixteen general registers, then the slots of `RegisterSlot`.
  public var registers = InlineArray<20, UInt64>(repeating: 0)

  /// Address (offset in CS) of the instruction being executed, exact at every boundary.
  public var rip: UInt64 = 0
  /// Where execution goes on; a control transfer changes it before it completes.
  public var nextRIP: UInt64 = 0

  /// RFLAGS; its status bits count only while `lazyKind` is `.none`.
  public var rflags: UInt64 = RFLAGS.alwaysOne.rawValue
  /// How the status flags follow from `lazyResult` and `lazySource`.
  public var lazyKind: UInt64 = 0
  /// The last result, sign-extended.
  public var lazyResult: UInt64 = 0
  /// The first source of the operation that gave `lazyResult`, sign-extended.
  public var lazySource: UInt64 = 0

  /// Instructions that may still retire before the engine must look up.
  public var budget: Int64 = 0
  /// The instruction count at which `budget` is zero.
  public var budgetEnd: UInt64 = 0
  /// The data TLB bank of the current privilege (and AC, under SMAP).
  public var tlb: UnsafeMutableRawPointer
  /// All TLB banks, jump cache and caches that can be rebuilt.
  public var caches: UnsafeMutableRawPointer
  /// What cached jumps must carry to be valid now: an epoch that advances when a translation may
  /// have changed, the number of the code segment, and in the low byte the mode.
  public var jumpKey: UInt64 = JumpKey.epoch
  /// Why the engine left the fast path; see `EngineExit`.
  public var exit: UInt64 = 0
  /// The operation at which the engine goes on in builds without tail calls.
  public var trampoline: UnsafeRawPointer?
  /// Pages in the fetch TLB.
  var fetchCount: UInt64 = 0
  /// Whether anything is watched, so that slow accesses look for it.
  var hasWatchpoints: Bool = false
  /// Whether there are breakpoints, so that RIP is looked at before an instruction is stepped.
  var hasBreakpoints: Bool = false
  /// Whether the processor is to stop behind the current instruction.
  var stopsSoon: Bool = false
  /// First linear address of any large page in the TLB.
  public var largePagesStart: UInt64 = .max
  /// Last linear address of any large page in the TLB.
  public var largePagesLast: UInt64 = 0
  /// The operation to go on with, where a limit fell inside or right before a block.
  ///
  /// Going on there, and not where a look-up would lead, makes a run the same however it is sliced:
  /// a look-up walks the page tables anew.
  var resume: UnsafePointer<Operation>?
  /// RIP and `jumpKey` that `resume` belongs to.
  var resumeRIP: UInt64 = 0
  var resumeKey: UInt64 = 0
  /// Whether the block arena is full, so that the run loop must drop every block.
  public var dropsBlocks: Bool = false
  /// The exception that made the engine leave with `EngineExit.fault`.
  public var fault = Exception.invalidOpcode

  /// ES, CS, SS, DS, FS, GS, LDTR, TR.
  public var segments = InlineArray<8, SegmentRegister>(repeating: .null)
  /// What fast operations may touch of ES, CS, SS, DS, FS and GS outside 64-bit mode; follows from
  /// `segments`.
  var segmentWindows = InlineArray<6, SegmentWindow>(repeating: SegmentWindow())
  /// GDTR.
  public var gdtr = DescriptorTableRegister(base: 0, limit: 0xFFFF)
  /// IDTR.
  public var idtr = DescriptorTableRegister(base: 0, limit: 0xFFFF)

  /// CR0.
  public var cr0: UInt64 = 0x6000_0010
  /// CR2.
  public var cr2: UInt64 = 0
  /// CR3.
  public var cr3: UInt64 = 0
  /// CR4.
  public var cr4: UInt64 = 0
  /// IA32_EFER.
  public var efer: UInt64 = 0
  /// Page-directory-pointer-table entries, as PAE paging loads them with CR3.
  public var pdpte = InlineArray<4, UInt64>(repeating: 0)
  /// DR0-DR3, two unused, DR6, DR7; reset sets the last two.
  public var debugRegisters = InlineArray<8, UInt64>(repeating: 0)
  /// DR6 bits of data breakpoints and single-step traps met by the current instruction.
  public var pendingDebug: UInt64 = 0

  /// Which bits of a physical address reach the bus: all of them, or all but A20.
  public var addressLines: UInt64 = .max

  /// How far a linear address is shifted up so that its highest used bit is bit 63: 16, or 7 with
  /// 57-bit addresses.
  var unusedAddressBits: UInt64 = 16

  /// Current privilege level.
  public var cpl: UInt8 = 0
  /// `Activity`.
  public var activity: UInt8 = 0
  /// `InterruptShadow` in force for the next boundary only.
  public var shadow: UInt8 = 0
  /// Whether the instruction is single-stepped, so that repeated ones stop after one iteration.
  public var singleSteps: Bool = false
  /// Whether data breakpoints or alignment checks are armed.
  var checksAccesses: Bool = false
  /// Whether every access looks twice: it is checked, or an observer wants to know.
  public var watchesAccesses: Bool = false
  /// Whether there is an observer of events.
  var isObserved: Bool = false
  /// What is woven into blocks for observers.
  var weaving: Weaving = []
  /// Whether RIP is at a repeated string instruction that has done some iterations, not all.
  public var isBetweenIterations: Bool = false
  /// Whether NMIs are blocked until the next IRET.
  public var nmiBlocked: Bool = false
  /// Whether MWAIT was told to go on at an interrupt even while IF is 0.
  public var waitEndsAtInterrupt: Bool = false
  /// Physical address of the line that MONITOR armed, `.max` for none.
  public var monitorLine: UInt64 = .max
  /// The mode that instructions are decoded in; see `ExecutionMode`.
  public var mode = ExecutionMode(rawValue: 0)

  /// IA32_STAR.
  public var star: UInt64 = 0
  /// IA32_LSTAR.
  public var lstar: UInt64 = 0
  /// IA32_CSTAR.
  public var cstar: UInt64 = 0
  /// IA32_FMASK.
  public var fmask: UInt64 = 0
  /// IA32_KERNEL_GS_BASE.
  public var kernelGSBase: UInt64 = 0
  /// IA32_SYSENTER_CS.
  public var sysenterCS: UInt64 = 0
  /// IA32_SYSENTER_ESP.
  public var sysenterESP: UInt64 = 0
  /// IA32_SYSENTER_EIP.
  public var sysenterEIP: UInt64 = 0
  /// IA32_TSC_AUX.
  public var tscAux: UInt64 = 0
  /// IA32_TSC_ADJUST: what is added to the virtual clock.
  public var tscAdjust: UInt64 = 0
  /// What RDRAND and RDSEED read.
  public var randomNumbers = SeededNumbers(seed: 0)
  /// IA32_PAT.
  public var pat: UInt64 = 0x0007_0406_0007_0406
  /// IA32_MISC_ENABLE.
  public var miscEnable: UInt64 = MiscellaneousEnable.writable
  /// IA32_MCG_CTL.
  public var machineCheckControl: UInt64 = .max
  /// IA32_MCi_CTL of each machine-check bank.
  public var machineCheckBankControl = InlineArray<10, UInt64>(repeating: .max)
  /// IA32_MTRR_DEF_TYPE.
  public var mtrrDefaultType: UInt64 = 0
  /// Fixed-range MTRRs, in the order 64K, 16K x 2, 4K x 8.
  public var mtrrFixed = InlineArray<11, UInt64>(repeating: 0)
  /// Variable-range MTRRs: base and mask of each of eight.
  public var mtrrVariable = InlineArray<16, UInt64>(repeating: 0)

  /// XMM0-XMM15, low quadword first.
  public var xmm = InlineArray<32, UInt64>(repeating: 0)
  /// Bits 255:128 of YMM0-YMM15, low quadword first.
  public var ymmHigh = InlineArray<32, UInt64>(repeating: 0)
  /// XCR0.
  public var xcr0: UInt64 = 1
  /// PKRU.
  public var pkru: UInt32 = 0
  /// MXCSR.
  public var mxcsr: UInt32 = 0x1F80
  /// x87 physical registers 0-7: significands.
  public var x87Significands = InlineArray<8, UInt64>(repeating: 0)
  /// x87 physical registers 0-7: sign and exponent.
  public var x87Exponents = InlineArray<8, UInt16>(repeating: 0)
  /// x87 control word.
  public var x87Control: UInt16 = 0x40
  /// x87 status word, TOP included.
  public var x87Status: UInt16 = 0
  /// x87 tag word, two bits a physical register.
  public var x87Tags: UInt16 = 0x5555
  /// x87 last opcode.
  public var x87Opcode: UInt16 = 0
  /// x87 last instruction pointer.
  public var x87InstructionPointer: UInt64 = 0
  /// x87 last data pointer.
  public var x87DataPointer: UInt64 = 0
  /// x87 last code selector.
  public var x87CodeSelector: UInt16 = 0
  /// x87 last data selector.
  public var x87DataSelector: UInt16 = 0

  /// Guest RAM as the host sees it.
  var ram: GuestRAM
  /// Decoded blocks; the connections keep them alive.
  var blocks: Unmanaged<BlockCache>
  /// The objects the processor is wired to, unretained: the owner of the block keeps them alive.
  var connections: Unmanaged<CPUConnections>

  init(connections: Unmanaged<CPUConnections>, caches: UnsafeMutableRawPointer) {
    self.connections = connections
    ram = connections._withUnsafeGuaranteedRef { $0.memory.ram }
    blocks = connections._withUnsafeGuaranteedRef { .passUnretained($0.blocks) }
    self.caches = caches
    tlb = caches
    debugRegisters[6] = 0xFFFF_0FF0
    debugRegisters[7] = 0x400
  }
}

/// The parts of `CPUState.jumpKey`.
enum JumpKey {
  /// The number of the code segment.
  static let segment: UInt64 = 0xFF00
  /// What is added when a translation may have changed.
  static let epoch: UInt64 = 0x1_0000
}

/// The part of a segment in which an access outside 64-bit mode needs no further check.
///
/// What is not a plain range of offsets from zero has an empty window: the slow methods judge it.
struct SegmentWindow {
  /// The segment's base.
  var base: UInt64 = 0
  /// First offset behind what may be read.
  var readEnd: UInt64 = 0
  /// First offset behind what may be written.
  var writeEnd: UInt64 = 0
}

/// Slots behind the general registers that operations use like registers.
public enum RegisterSlot {
  /// Always zero: "no base", "no index".
  public static let zero = 16
  /// The effective address that an address operation computed for the next operation.
  public static let effectiveAddress = 17
}

/// What a processor is doing.
public enum Activity: UInt8, Sendable {
  /// Executing instructions.
  case running
  /// HLT: waits for an interrupt.
  case halted
  /// MWAIT: waits for a store to the monitored line, or an interrupt.
  case monitorWait
  /// A fault while delivering a double fault: only a reset helps.
  case shutdown
  /// An application processor before its start-up IPI.
  case waitForSIPI
}

/// Why interrupts are held off at the next instruction boundary.
///
/// SDM volume 3A, "Masking Maskable Hardware Interrupts" and "Masking Exceptions and Interrupts
/// When Switching Stacks".
public enum InterruptShadow: UInt8, Sendable {
  /// Nothing is held off.
  case none
  /// After STI: maskable interrupts.
  case sti
  /// After MOV SS or POP SS: interrupts and debug traps.
  case movSS
}

/// What decoding and fast operations depend on, besides the bytes.
public struct ExecutionMode: OptionSet, Hashable, Sendable {
  /// The bits.
  public var rawValue: UInt8
  /// Takes the bits as they are.
  @inline(__always) public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// IA-32e mode is active and CS.L is set.
  public static let long = ExecutionMode(rawValue: 1)
  /// CS.D is set: 32-bit operands and addresses by default (never with `long`).
  public static let big = ExecutionMode(rawValue: 2)
  /// SS.B is set or `long`: the stack pointer is wider than 16 bits.
  public static let bigStack = ExecutionMode(rawValue: 4)
  /// CPL is 3.
  public static let user = ExecutionMode(rawValue: 8)
  /// ES, CS, SS, DS have base 0 and limit 4 GiB, or `long`: offsets are linear addresses.
  public static let flat = ExecutionMode(rawValue: 16)
  /// CR0.PE is clear.
  public static let real = ExecutionMode(rawValue: 32)
  /// RFLAGS.VM is set.
  public static let virtual8086 = ExecutionMode(rawValue: 64)
}

/// Something that a processor or its machine did besides computing: what an observer is told.
public struct ExecutionEvent: Equatable, Sendable {
  /// A moment's place in the code.
  public struct Place: Equatable, Sendable {
    /// The linear address of the instruction.
    public var address: UInt64
    /// The privilege level.
    public var cpl: UInt8
    /// The operating mode.
    public var mode: OperatingMode

    /// Makes a place.
    public init(address: UInt64, cpl: UInt8, mode: OperatingMode) {
      self.address = address
      self.cpl = cpl
      self.mode = mode
    }
  }

  /// An exception or interrupt on its way through the IDT.
  public struct Delivery: Equatable, Sendable {
    /// The vector.
    public var vector: UInt8
    /// Where it came from.
    public var source: InterruptEvent.Source
    /// The error code, for the exceptions that have one.
    public var errorCode: UInt32?
    /// CR2, for page faults.
    public var faultAddress: UInt64?
    /// The exception that delivery raised instead of entering the handler.
    public var failure: Exception?

    package init(
      vector: UInt8, source: InterruptEvent.Source, errorCode: UInt32?, faultAddress: UInt64?,
      failure: Exception?
    ) {
      self.vector = vector
      self.source = source
      self.errorCode = errorCode
      self.faultAddress = faultAddress
      self.failure = failure
    }
  }

  /// The fast ways between applications and the kernel.
  public enum SystemCall: String, Sendable {
    case syscall
    case sysret
    case sysenter
    case sysexit
  }

  /// A register that says where a table of descriptors is, or the task's state.
  public enum TableRegister: String, Sendable {
    case gdtr
    case idtr
    case ldtr
    case tr
  }

  /// Where an access that is not to RAM goes.
  public enum Space: String, Sendable {
    case port
    case memory
  }

  /// What happened.
  public enum Kind: Equatable, Sendable {
    /// An exception or interrupt was delivered, or could not be.
    case delivery(Delivery)
    /// IRET.
    case interruptReturn
    /// SYSCALL, SYSRET, SYSENTER or SYSEXIT, with RAX.
    case systemCall(SystemCall, rax: UInt64)
    /// A far jump, call or return.
    case farTransfer
    /// A near call, where calls are observed; RSP behind it.
    case call(rsp: UInt64)
    /// A near return, where calls are observed; RSP behind it.
    case callReturn(rsp: UInt64)
    /// CRn was written, by whatever instruction or task switch.
    case controlRegister(UInt8, UInt64)
    /// XCRn was written.
    case extendedControlRegister(UInt32, UInt64)
    /// WRMSR.
    case modelSpecificRegister(UInt32, UInt64)
    /// LGDT, LIDT, LLDT or LTR; the limit of a table, the selector of a segment.
    case table(TableRegister, base: UInt64, detail: UInt64)
    /// INVLPG.
    case invalidatePage(UInt64)
    /// INVPCID of a type.
    case invalidateContext(UInt64)
    /// HLT or MWAIT.
    case halt
    /// The end of waiting.
    case wake
    /// A device was read.
    case read(Space, address: UInt64, size: UInt8, value: UInt64)
    /// A device was written.
    case write(Space, address: UInt64, size: UInt8, value: UInt64)
    /// The machine was reset.
    case reset
    /// INIT or a start-up message arrived.
    case signal(ProcessorSignal)
    /// Bytes came from outside; `InputLog` numbers the places.
    case input(port: Int, bytes: [UInt8])
    /// A serial port sent a byte.
    case output(port: Int, byte: UInt8)
  }

  /// The number of the processor.
  public var processor: Int
  /// The machine's instruction count when it was over: that of the boundary behind it.
  public var position: UInt64
  /// Virtual nanoseconds.
  public var time: UInt64
  /// The instruction that did it, or the first one that an interrupt kept waiting.
  public var source: Place
  /// Where the processor goes on.
  public var target: Place
  /// What happened.
  public var kind: Kind

  package init(
    processor: Int, position: UInt64, time: UInt64, source: Place, target: Place, kind: Kind
  ) {
    self.processor = processor
    self.position = position
    self.time = time
    self.source = source
    self.target = target
    self.kind = kind
  }
}

/// The modes that the manual distinguishes.
///
/// SDM volume 3A, "Modes of Operation".
public enum OperatingMode: String, Sendable {
  case real
  case virtual8086
  case protected
  case compatibility
  case long
}

extension CPU {
  /// The operating mode.
  public var operatingMode: OperatingMode {
    if mode.contains(.real) { return .real }
    if mode.contains(.virtual8086) { return .virtual8086 }
    if isIA32e { return isLongMode ? .long : .compatibility }
    return .protected
  }
}

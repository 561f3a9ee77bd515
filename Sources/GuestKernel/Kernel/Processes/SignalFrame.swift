/// What a signal handler stands on: the interrupted state, saved on the program's own stack so that
/// `rt_sigreturn` can bring it back.
///
/// The program can write what it likes there before it returns, so nothing of it is believed: selectors
/// are the program's own, the instruction pointer is in user space, of the flags only those that every
/// program may change, and of MXCSR only the bits that exist.
import KernelArch

/// As it lies in memory: below it the handler's return address, above it the red zone.
private struct SavedState: BitwiseCopyable {
  var record = SignalRecord()
  var registers = trap_frame()
  var mask = SignalSet()
  var stack = SignalStack()
  /// The address that caused the signal, if one did.
  var address: UInt64 = 0
}

enum SignalFrame {
  private static let floatingPointSize = 512
  private static let redZone: UInt64 = 128
  private static var stateSize: UInt64 { (UInt64(MemoryLayout<SavedState>.size) + 15) & ~15 }
  // CF, PF, AF, ZF, SF, TF, DF, OF, NT stays out, RF, AC
  private static let changeableFlags: UInt64 = 0x5_0dd5
  private static let interruptsOn: UInt64 = 0x202

  /// Makes `frame` call the handler; false when there is no room on the stack.
  static func push(
    _ frame: UnsafeMutablePointer<trap_frame>, _ user: UserThread, _ signal: Signal,
    _ record: SignalRecord, _ action: SignalAction, _ mask: SignalSet
  ) -> Bool {
    guard frame.pointee.cs == Selector.userCode else { return false }
    var record = record
    record.signal = signal.number
    let top = self.top(frame, user, action)
    let floatingPointAt = (top &- UInt64(floatingPointSize)) & ~63
    let stateAt = (floatingPointAt &- stateSize) & ~15
    let returnAt = stateAt &- 8
    var state = SavedState()
    state.record = record
    state.registers = frame.pointee
    state.mask = mask
    state.stack = user.alternateStack
    state.address = record.address
    guard saveFloatingPoint(at: floatingPointAt),
      UserMemory.write(record: state, to: stateAt),
      UserMemory.write(record: action.restorer, to: returnAt)
    else { return false }
    frame.pointee.rip = action.handler
    frame.pointee.rsp = returnAt
    frame.pointee.rdi = UInt64(signal.number)
    frame.pointee.rsi = stateAt
    frame.pointee.rdx = stateAt
    frame.pointee.rax = 0
    let direction: UInt64 = 1 << 10
    let trap: UInt64 = 1 << 8
    frame.pointee.rflags &= ~(direction | trap)
    return isUserAddress(action.handler)
  }

  private static func isUserAddress(_ address: UInt64) -> Bool {
    Layout.userSpace.contains(address)
  }

  /// Where the frame begins: below the red zone, or at the top of the alternate stack.
  private static func top(
    _ frame: UnsafeMutablePointer<trap_frame>, _ user: UserThread, _ action: SignalAction
  ) -> UInt64 {
    let stack = user.alternateStack
    let rsp = frame.pointee.rsp
    let wantsOther = action.flags & SignalAction.onStack != 0
    if wantsOther, stack.flags & SignalStack.disabled == 0, !stack.contains(rsp) {
      return stack.base &+ stack.size
    }
    return rsp &- redZone
  }

  private static func saveFloatingPoint(at address: UInt64) -> Bool {
    guard let area = Thread.current.floatingPoint else { return false }
    // A switch in between saves the same registers into the same area.
    fxsave64(area)
    return UserMemory.write(
      UnsafeRawBufferPointer(start: area, count: floatingPointSize), to: address)
  }

  /// `rt_sigreturn`: RSP is where the handler's return address was, and 8.
  static func pop(_ frame: UnsafeMutablePointer<trap_frame>, _ user: UserThread) -> Bool {
    let stateAt = frame.pointee.rsp
    let floatingPointAt = (stateAt &+ stateSize &+ 63) & ~63
    guard
      let bytes = UserMemory.read(stateAt, count: UInt64(MemoryLayout<SavedState>.size)),
      let registers = UserMemory.read(floatingPointAt, count: UInt64(floatingPointSize))
    else { return false }
    let state = bytes.withUnsafeBytes { $0.loadUnaligned(as: SavedState.self) }
    guard isUserAddress(state.registers.rip) else { return false }
    restoreFloatingPoint(registers)
    var saved = state.registers
    saved.cs = Selector.userCode
    saved.ss = Selector.userData
    saved.rflags =
      saved.rflags & changeableFlags | frame.pointee.rflags & ~changeableFlags | interruptsOn
    saved.vector = frame.pointee.vector
    saved.error = 0
    frame.pointee = saved
    Processes.lock.withLockIRQ { user.mask = state.mask.subtracting(.unstoppable) }
    let thread = Thread.current
    thread.needsFullReturn = true
    thread.interrupt(fatal: false)  // something may be deliverable again
    return true
  }

  // SDM Vol. 1, "FXSAVE area": reserved bits of MXCSR raise #GP in FXRSTOR.
  private static func restoreFloatingPoint(_ bytes: [UInt8]) {
    guard let area = Thread.current.floatingPoint else { return }
    Interrupts.off {
      bytes.withUnsafeBytes { source in
        guard let base = source.baseAddress else { return }
        area.copyMemory(from: base, byteCount: floatingPointSize)
      }
      let control = area.load(fromByteOffset: 24, as: UInt32.self)
      area.storeBytes(of: control & 0xffbf, toByteOffset: 24, as: UInt32.self)
      fxrstor64(area)
    }
  }
}

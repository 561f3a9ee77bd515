/// The lock that everything else stands on: whoever finds it taken tries again until it is free.
///
/// It is a ticket lock: each comer draws a number and waits until that number is served, so nobody is
/// overtaken. In a virtual machine that would be too much order: whose turn it is may just not have a
/// real processor, and all would wait for that one. There a number is drawn only when it is served at
/// once, by whoever sees it first. Since others burn their time meanwhile, its holder must be quick,
/// must not sleep and must not be preempted. A lock that an interrupt handler takes too must be taken with interrupts off
/// (`withLockIRQ`), one that softirqs take with softirqs off (`withLockBH`): else the handler would
/// wait for the very thread it interrupted. That mistake, and taking a lock twice, is a panic with
/// both places.
import KernelArch

final class SpinLock {
  let name: StaticString
  /// Objects that are made under it are few and small: they may come from the last reserve of memory.
  let usesReserve: Bool
  // Plain words, used by atomic operations only: so a global lock is data of the image, and the heap can
  // have one.
  private var nextTicket: UInt32 = 0
  private var nowServing: UInt32 = 0
  /// The holder's number and 1, or 0, and where it was taken; written by the holder.
  private var holder: UInt32 = 0
  private var file: StaticString = ""
  private var line: UInt32 = 0
  /// How often it was taken, and how often somebody had to wait; written by the holder.
  private(set) var acquisitions: UInt64 = 0
  private(set) var contentions: UInt64 = 0
  /// See `LockClasses` and `LockStatistics`.
  var validatorClass: UInt32 = 0
  private var takenAt: UInt64 = 0

  /// Who comes first is served first; false in a virtual machine.
  ///
  /// Written by the boot processor before it starts others.
  nonisolated(unsafe) static var isFair = true

  @inline(__always)
  init(_ name: StaticString, usesReserve: Bool = false) {
    self.name = name
    self.usesReserve = usesReserve
  }

  /// For what only threads touch.
  @inline(__always)
  func withLock<Result>(
    file: StaticString = #fileID, line: UInt32 = #line, _ body: () -> Result
  ) -> Result {
    lock(file: file, line: line)
    defer { unlock() }
    return body()
  }

  /// For what interrupt handlers touch too.
  @inline(__always)
  func withLockIRQ<Result>(
    file: StaticString = #fileID, line: UInt32 = #line, _ body: () -> Result
  ) -> Result {
    let wereOn = lockIRQ(file: file, line: line)
    defer { unlockIRQ(wereOn) }
    return body()
  }

  /// For what softirqs and tasklets touch too.
  @inline(__always)
  func withLockBH<Result>(
    file: StaticString = #fileID, line: UInt32 = #line, _ body: () -> Result
  ) -> Result {
    SoftIRQ.disable()
    acquire(file, line)
    defer {
      release()
      SoftIRQ.enable()
    }
    return body()
  }

  func lock(file: StaticString = #fileID, line: UInt32 = #line) {
    Preemption.disable()
    acquire(file, line)
  }

  func unlock() {
    release()
    Preemption.enable()
  }

  /// Returns whether interrupts were on, for `unlockIRQ`.
  func lockIRQ(file: StaticString = #fileID, line: UInt32 = #line) -> Bool {
    let wereOn = Interrupts.areOn
    cpu_cli()
    Preemption.disable()
    acquire(file, line)
    return wereOn
  }

  func unlockIRQ(_ wereOn: Bool) {
    release()
    if wereOn {
      cpu_sti()
      Preemption.enable()
    } else {
      Preemption.enableWithoutGivingWay()
    }
  }

  /// Takes the lock if nobody has it.
  func tryLock(file: StaticString = #fileID, line: UInt32 = #line) -> Bool {
    Preemption.disable()
    guard Configuration.SMP ? takeIfFree() : atomic_load32(&holder) == 0 else {
      Preemption.enable()
      return false
    }
    noteTaken(file, line)
    return true
  }

  var isHeldByThisCPU: Bool { atomic_load32(&holder) == percpu_index() + 1 }
}

// MARK: Taking and giving back

extension SpinLock {
  private func acquire(_ file: StaticString, _ line: UInt32) {
    if LockValidator.isOn { LockValidator.willAcquire(&validatorClass, name, kind: .spin) }
    if !Configuration.SMP {
      // On one processor, that nobody may be preempted keeps all others away.
      assertNotHeld(file, line)
    } else if SpinLock.isFair {
      let ticket = atomic_add32(&nextTicket, 1)
      if atomic_load32(&nowServing) != ticket {
        wait(file, line) { atomic_load32(&nowServing) == ticket }
      }
    } else if !takeIfFree() {
      wait(file, line) { takeIfFree() }
    }
    noteTaken(file, line)
  }

  /// Draws the number that is being served, if nobody has it.
  private func takeIfFree() -> Bool {
    let serving = atomic_load32(&nowServing)
    guard atomic_load32(&nextTicket) == serving else { return false }
    return atomic_replace32(&nextTicket, serving, serving &+ 1)
  }

  private func assertNotHeld(_ file: StaticString, _ line: UInt32) {
    if isHeldByThisCPU, !Panic.isUnderWay {
      panic(
        "deadlock: spinlock \(name), taken by this processor at \(self.file):\(self.line), wanted again at \(file):\(line)"
      )
    }
  }

  @inline(never)
  private func wait(_ file: StaticString, _ line: UInt32, _ isTaken: () -> Bool) {
    assertNotHeld(file, line)
    while !isTaken() {
      // The holder may have been stopped for good.
      if Panic.isUnderWay { return }
      TLB.serveWhileWaiting()
      cpu_pause()
    }
    contentions &+= 1
    if LockStatistics.isOn { LockStatistics.noteContention(&validatorClass, name) }
  }

  private func noteTaken(_ file: StaticString, _ line: UInt32) {
    let area = percpu_self()
    atomic_store32(&holder, area.pointee.index + 1)
    self.file = file
    self.line = line
    acquisitions &+= 1
    percpu_push_held(area, Unmanaged.passUnretained(self).toOpaque())
    if LockStatistics.isOn {
      LockStatistics.noteAcquisition(&validatorClass, name)
      takenAt = rdtsc()
    }
  }

  private func release() {
    if takenAt != 0 {
      LockStatistics.noteHeld(validatorClass, for: rdtsc() &- takenAt)
      takenAt = 0
    }
    percpu_remove_held(percpu_self(), Unmanaged.passUnretained(self).toOpaque())
    atomic_store32(&holder, 0)
    if Configuration.SMP { _ = atomic_add32(&nowServing, 1) }
  }

  /// Names the spinlocks that this processor holds, and where it took them.
  static func describeHeld(to line: inout TextLine) {
    let area = percpu_self()
    for index in 0..<Int(min(area.pointee.held_count, UInt32(PERCPU_HELD_LOCKS))) {
      guard let held = percpu_held_at(area, UInt32(index)) else { continue }
      let lock = Unmanaged<SpinLock>.fromOpaque(held).takeUnretainedValue()
      line.append(index == 0 ? ", holding " : ", ")
      line.append(line: "\(lock.name) (\(lock.file):\(lock.line))")
    }
  }
}

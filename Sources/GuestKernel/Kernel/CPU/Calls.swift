/// What processors ask of each other by interrupts: to reschedule, to call a function, to stop.
import KernelArch

extension CPU {
  /// Makes the processor look for a better thread to run.
  static func sendReschedule(to index: Int) {
    CPU(index).needsReschedule = true
    guard index != Int(percpu_index()) else { return }
    LocalAPIC.send(LocalAPIC.Command.fixed(InterruptVector.reschedule), to: CPU(index).apicID)
  }

  private static let callLock = SpinLock("cpu call")
  nonisolated(unsafe) private static var callee: (() -> Void)?

  /// Runs `body` on all processors but this one, in an interrupt, and waits until all have.
  ///
  /// The caller must have interrupts on and hold no spinlock: two who wait for each other with
  /// interrupts off would wait for ever.
  static func callOthers(_ body: @escaping () -> Void) { call({ _, _ in true }, body) }

  /// The same on one processor, which may be this one.
  static func call(on index: Int, _ body: @escaping () -> Void) {
    call(
      { number, _ in number == index },
      here: { if Int(percpu_index()) == index { body() } }, body)
  }

  /// The same on all processors, this one included, at the same time.
  static func callAll(_ body: @escaping () -> Void) { call({ _, _ in true }, here: body, body) }

  /// Runs `body` here with 0 and, at the same time, on another processor with 1; returns their numbers.
  static func callPartner(_ body: @escaping (Int) -> Void) -> (here: Int, there: Int) {
    var pair = (here: 0, there: 0)
    call(
      { number, me in number == (me + 1) % count },
      here: {
        pair.here = Int(percpu_index())
        pair.there = (pair.here + 1) % count
        body(0)
      }, { body(1) })
    return pair
  }

  private static func call(
    _ isWanted: (Int, Int) -> Bool, here: (() -> Void)? = nil, _ body: @escaping () -> Void
  ) {
    guard Interrupts.areOn, Preemption.count == 0 else {
      panic("a call to other processors from atomic context")
    }
    // Not withLockIRQ: this processor must answer others meanwhile.
    callLock.lock()
    callee = body
    let me = Int(percpu_index())
    for index in 0..<count where index != me && isWanted(index, me) {
      let cpu = CPU(index)
      atomic_store32(&cpu.area.pointee.call_requested, 1)
      LocalAPIC.send(LocalAPIC.Command.fixed(InterruptVector.call), to: cpu.apicID)
    }
    if let here { Interrupts.off { here() } }
    for index in 0..<count where index != me && isWanted(index, me) {
      while atomic_load32(&CPU(index).area.pointee.call_requested) != 0 { cpu_pause() }
    }
    callee = nil
    callLock.unlock()
  }

  /// The interrupt of `call`.
  static func serveCall() {
    let area = percpu_self()
    guard atomic_load32(&area.pointee.call_requested) != 0 else { return }
    callee?()
    atomic_store32(&area.pointee.call_requested, 0)
  }

  /// Stops all others for good, wherever they are: an NMI asks no interrupt flag.
  static func stopOthers() {
    guard count > 1 else { return }
    LocalAPIC.send(LocalAPIC.Command.nonMaskable | LocalAPIC.Command.toOthers)
  }
}

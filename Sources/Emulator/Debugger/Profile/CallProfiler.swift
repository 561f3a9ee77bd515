import Emulator

/// Follows calls, returns, interrupts and system calls of a machine, and adds up the instructions
/// between them: an exact profile, without samples.
///
/// Each processor has a shadow stack. A return belongs to the call whose return address lay where
/// RSP says; where that is not on the present stack, the guest has switched stacks, and the one
/// that it left waits until something returns to it.
public final class CallProfiler {
  /// What has been executed so far.
  public private(set) var tree = CallTree()

  private struct Frame {
    var node: Int
    /// RSP behind the call; nil for an interrupt or a system call.
    var rsp: UInt64?
    /// Where an interrupt or a system call returns to.
    var returnAddress: UInt64
  }

  private var stacks: [[Frame]]
  private var parked: [[Frame]] = []
  private var lastCounts: [UInt64]
  private var symbols: SymbolTable
  /// Whether the kernel may still move itself: until it runs applications.
  private var mayMove = true
  private unowned let machine: Machine
  private var names: [UInt64: String] = [:]

  /// Stacks that wait at most; the oldest are forgotten.
  private static let mostParked = 4096
  private static let deepest = 1024

  /// Begins to follow a machine that was woven with `.calls`; pass its events on to `add`.
  public init(_ machine: Machine) {
    self.machine = machine
    symbols = SymbolTable(machine.image?.elf)
    stacks = machine.processors.map { _ in [] }
    lastCounts = machine.processors.map { $0.cpu.instructionCount }
    for (number, processor) in machine.processors.enumerated() {
      let place = ExecutionEvent.Place(
        address: processor.cpu.state.pointee.rip, cpl: processor.cpu.cpl,
        mode: processor.cpu.operatingMode)
      stacks[number] = [Frame(node: node(0, place), rsp: nil, returnAddress: 0)]
    }
  }

  /// Follows an event.
  public func add(_ event: ExecutionEvent) {
    let number = event.processor
    if mayMove { follow(event) }
    switch event.kind {
    case .call(let rsp):
      settle(number)
      push(number, event.target, rsp: rsp, returnAddress: 0)
    case .callReturn(let rsp):
      settle(number)
      leave(number, event.target) { $0.rsp == rsp &- 8 }
    case .delivery(let delivery) where delivery.failure == nil:
      settle(number)
      push(number, event.target, rsp: nil, returnAddress: event.source.address)
    case .systemCall(.syscall, _), .systemCall(.sysenter, _):
      settle(number)
      push(number, event.target, rsp: nil, returnAddress: event.source.address &+ 2)
    case .interruptReturn, .systemCall:
      settle(number)
      let target = event.target.address
      leave(number, event.target) { $0.rsp == nil && $0.returnAddress == target }
    case .reset: for index in stacks.indices { settle(index) }
    default: break
    }
  }

  /// Looks for the kernel where it may have moved itself.
  private func follow(_ event: ExecutionEvent) {
    switch event.kind {
    case .controlRegister(0, _), .controlRegister(3, _):
      guard let image = machine.image?.elf, machine.processors.indices.contains(event.processor)
      else { return }
      let cpu = machine.processors[event.processor].cpu
      let slide = ImageSlide.find(image, in: cpu, guess: symbols.slide)
      if slide != symbols.slide { names = [:] }
      symbols.slide = slide
    case _ where event.target.cpl == 3: mayMove = false
    default: break
    }
  }

  /// Adds what was executed since the last event.
  public func finish() { for number in stacks.indices { settle(number) } }

  /// Adds the instructions since the last event to the function that executed them.
  private func settle(_ number: Int) {
    let count = machine.processors[number].cpu.instructionCount
    tree.add(count &- lastCounts[number], to: stacks[number].last?.node ?? 0)
    lastCounts[number] = count
  }

  private func push(
    _ number: Int, _ target: ExecutionEvent.Place, rsp: UInt64?, returnAddress: UInt64
  ) {
    if stacks[number].count >= Self.deepest { stacks[number].removeFirst(Self.deepest / 2) }
    let node = node(stacks[number].last?.node ?? 0, target)
    tree.enter(node)
    stacks[number].append(Frame(node: node, rsp: rsp, returnAddress: returnAddress))
  }

  /// Leaves the frame that `matches`, with all inside it, on this stack or on one that waits.
  private func leave(
    _ number: Int, _ target: ExecutionEvent.Place, _ matches: (Frame) -> Bool
  ) {
    if let index = stacks[number].lastIndex(where: matches), index > 0 {
      return stacks[number].removeSubrange(index...)
    }
    if let index = parked.lastIndex(where: { $0.last.map(matches) ?? false }) {
      let resumed = parked.remove(at: index)
      park(stacks[number])
      stacks[number] = Array(resumed.dropLast())
      return
    }
    // Nobody called from there: a new thread, or a return address that was made by hand.
    park(stacks[number])
    stacks[number] = [Frame(node: node(0, target), rsp: nil, returnAddress: 0)]
  }

  private func park(_ stack: [Frame]) {
    guard stack.count > 1 else { return }
    if parked.count >= Self.mostParked { parked.removeFirst() }
    parked.append(stack)
  }

  private func node(_ parent: Int, _ place: ExecutionEvent.Place) -> Int {
    tree.child(of: parent, name(place))
  }

  /// The function's name; without a symbol only who executes it.
  private func name(_ place: ExecutionEvent.Place) -> String {
    if let known = names[place.address] { return known }
    let name: String
    if let (symbol, _) = symbols.symbol(at: place.address) {
      name = symbol.displayName
    } else {
      name = place.cpl == 3 ? "[user]" : "[\(place.address.hex)]"
    }
    names[place.address] = name
    return name
  }
}

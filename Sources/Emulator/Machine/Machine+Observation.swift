extension Machine {
  /// Passes the observer on to everybody who has something to tell.
  func connectObserver() {
    for processor in processors {
      processor.cpu.state.pointee.isObserved = observer != nil
      processor.connections.observer = observer.map { observe in
        { [unowned self] event in
          var event = event
          event.position = instructionCount
          observe(event)
        }
      }
    }
    guard observer != nil else { return endpoints.observer = nil }
    endpoints.observer = { [unowned self] port, byte in report(.output(port: port, byte: byte)) }
  }

  /// Tells the observer of something that no instruction did by itself.
  func report(_ kind: ExecutionEvent.Kind, processor number: Int? = nil) {
    guard let observer else { return }
    let processor = number.map { processors[$0] } ?? processor
    let here = processor.cpu.place(processor.cpu.state.pointee.rip)
    observer(
      ExecutionEvent(
        processor: processor.connections.identification.number, position: instructionCount,
        time: now, source: here, target: here, kind: kind))
  }

  /// Has blocks made for observers from now on, instead of the plain ones, or for nobody again.
  ///
  /// Only between runs. With `.instructions`, `observer` is told of every instruction, behind it,
  /// and of what it stored; the ranges are linear and in the order of the stores.
  public func weave(
    _ weaving: Weaving,
    instructions observer: ((ExecutedInstruction, [StoredRange]) -> Void)? = nil
  ) {
    let blocks = processor.connections.blocks
    blocks.counters?.harvest()
    for processor in processors {
      let connections = processor.connections
      processor.cpu.state.pointee.weaving = weaving
      connections.instructionObserver = observer.map { observe in
        { [unowned connections] in observe($0, connections.stores) }
      }
      processor.cpu.updateWatching()
      processor.cpu.state.pointee.dropsBlocks = true
    }
    guard weaving.contains(.counters) else { return }
    if blocks.counters == nil { blocks.counters = ExecutionCounters() }
  }

  /// A digest of every processor's registers: cheap enough to be taken all the time.
  public func processorDigest() -> UInt64 {
    var digest = StateDigest()
    for processor in processors { processor.cpu.add(to: &digest) }
    return digest.value
  }

  /// Reads up to eight bytes of RAM at a linear address as a processor maps it, low byte first; nil
  /// where there is none.
  ///
  /// Nothing notices it, breakpoints and accessed flags included.
  package func peek(_ cpu: CPU, linear address: UInt64, count: Int) -> UInt64? {
    var value: UInt64 = 0
    var done = 0
    while done < count {
      let at = LinearAddress(address &+ UInt64(done))
      guard let host = peekPage(cpu, at) else { return nil }
      let length = min(count - done, 4096 - Int(at.offset))
      if length == 8 { return UInt64(littleEndian: host.loadUnaligned(as: UInt64.self)) }
      for index in 0..<length {
        value |=
          UInt64(host.load(fromByteOffset: index, as: UInt8.self)) &<< UInt64((done + index) * 8)
      }
      done += length
    }
    return value
  }

  /// Where the RAM at a linear address is, up to the end of its page; nil where there is none.
  package func peekPage(_ cpu: CPU, _ address: LinearAddress) -> UnsafeMutableRawPointer? {
    guard let page = cpu.peekTranslation(address) else { return nil }
    return memory.host(PhysicalAddress(page.physicalPage | address.offset))
  }

  /// How often each instruction was executed while it was counted.
  public var executionCounts: [CodeLocation: ExecutionCounters.Count] {
    let counters = processor.connections.blocks.counters
    counters?.harvest()
    return counters?.counts ?? [:]
  }
}

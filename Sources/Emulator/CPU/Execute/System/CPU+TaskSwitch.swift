/// How a task switch came about: decides what becomes of busy flags, NT and the previous link.
enum TaskSwitchReason {
  case jump
  case call
  case interrupt
  case interruptReturn

  /// Whether the new task will return to the old one.
  var nests: Bool { self == .call || self == .interrupt }
}

extension CPU {
  /// Far JMP and CALL to a TSS or task gate outside IA-32e mode.
  func transferToTask(
    _ selector: SegmentSelector, _ target: Descriptor, reason: TaskSwitchReason
  ) throws(Exception) {
    let blame = Exception.generalProtection(errorCode: selector.errorCode)
    guard target.dpl >= cpl, target.dpl >= selector.rpl else { throw blame }
    var task = selector
    if target.systemType == .taskGate {
      guard target.isPresent else { throw .segmentNotPresent(errorCode: selector.errorCode) }
      task = target.gateSelector
    }
    let segment = try availableTask(task, external: 0)
    try switchTask(
      task, segment, reason: reason, flags: rflags.rawValue, rip: state.pointee.nextRIP)
    try checkTarget(self[.cs], state.pointee.nextRIP)
  }

  /// An interrupt or exception through a task gate.
  func enterTask(_ gate: Descriptor, _ event: InterruptEvent) throws(Exception) {
    let external = event.external
    let segment = try availableTask(gate.gateSelector, external: external)
    try switchTask(
      gate.gateSelector, segment, reason: .interrupt, flags: pushedFlags(event),
      rip: event.returnRIP, external: external)
    if let code = event.errorCode {
      var stack = PendingStack(current: self, fault: .stackFault(errorCode: external))
      try stack.push(UInt64(code), size: self[.tr].type & 8 != 0 ? 4 : 2)
      self[.rsp] = stack.pointer
    }
    guard state.pointee.nextRIP <= UInt64(self[.cs].limit) else {
      throw .generalProtection(errorCode: external)
    }
  }

  /// IRET with NT set: back to the task that the previous link names.
  func returnToPreviousTask() throws(Exception) {
    let link = try load(
      try tableAddress(self[.tr].base, 0), as: UInt16.self, access: .systemRead)
    let selector = SegmentSelector(link)
    guard !selector.isLocal, let segment = try descriptor(selector),
      segment.systemType == .busyTSS || segment.systemType == .busyTSS16
    else { throw .invalidTSS(errorCode: selector.errorCode) }
    guard segment.isPresent else { throw .segmentNotPresent(errorCode: selector.errorCode) }
    try switchTask(
      selector, segment, reason: .interruptReturn,
      flags: rflags.subtracting(.nestedTask).rawValue, rip: state.pointee.nextRIP)
    try checkTarget(self[.cs], state.pointee.nextRIP)
  }

  private func availableTask(
    _ selector: SegmentSelector, external: UInt32
  ) throws(Exception) -> Descriptor {
    let blame = selector.errorCode | external
    guard !selector.isLocal, let segment = try descriptor(selector),
      segment.systemType == .availableTSS || segment.systemType == .availableTSS16
    else { throw .generalProtection(errorCode: blame) }
    guard segment.isPresent else { throw .segmentNotPresent(errorCode: blame) }
    return segment
  }

  /// Saves this task and loads another.
  ///
  /// SDM volume 3A, "Task Switching".
  ///
  /// What fails before the old state is saved leaves the old task as it was; what fails after it
  /// is an exception of the new one.
  private func switchTask(
    _ selector: SegmentSelector, _ segment: Descriptor, reason: TaskSwitchReason,
    flags: UInt64, rip: UInt64, external: UInt32 = 0
  ) throws(Exception) {
    let layout = TaskStateLayout(isWide: segment.systemType?.isWide == true)
    guard segment.limit >= layout.minimumLimit else {
      throw .invalidTSS(errorCode: selector.errorCode | external)
    }
    let old = self[.tr]
    try probe(
      LinearAddress(old.base), count: UInt64(old.type & 8 != 0 ? 104 : 44), access: .systemWrite)
    let next = try readTask(segment.base, layout)
    if reason.nests {
      try store(
        old.selector, at: try tableAddress(segment.base, 0), access: .systemWrite)
    }
    try saveTask(old, flags: flags, rip: rip)
    if !reason.nests, let busy = try descriptor(SegmentSelector(old.selector)) {
      try setType(busy.type & ~2, of: busy, SegmentSelector(old.selector))
    }
    var current = segment
    if reason != .interruptReturn {
      current = try setType(segment.type | 2, of: segment, selector)
    }
    self[.tr] = current.segment(selector)
    try loadTask(next, nests: reason.nests, external: external)
  }

  private func saveTask(
    _ task: SegmentRegister, flags: UInt64, rip: UInt64
  ) throws(Exception) {
    let layout = TaskStateLayout(isWide: task.type & 8 != 0)
    func save(_ value: UInt64, at offset: UInt64, size: UInt8) throws(Exception) {
      try store(
        value, at: try tableAddress(task.base, offset), size: size, access: .systemWrite)
    }
    try save(rip, at: layout.register(0), size: layout.size)
    try save(flags, at: layout.register(1), size: layout.size)
    for index in 0..<8 {
      try save(self[index], at: layout.register(UInt64(index) + 2), size: layout.size)
    }
    for index in 0..<layout.selectorCount {
      let value = state.pointee.segments[Int(index)].selector
      try save(UInt64(value), at: layout.selector(index), size: 2)
    }
  }

  private func readTask(
    _ base: UInt64, _ layout: TaskStateLayout
  ) throws(Exception) -> TaskState {
    func read(_ offset: UInt64, size: UInt8) throws(Exception) -> UInt64 {
      try load(try tableAddress(base, offset), size: size, access: .systemRead)
    }
    var task = TaskState()
    if layout.isWide {
      task.pageDirectory = try read(0x1C, size: 4)
      task.traps = try read(0x64, size: 2) & 1 != 0
    } else {
      task.pageDirectory = state.pointee.cr3
    }
    task.instructionPointer = try read(layout.register(0), size: layout.size)
    task.flags = try read(layout.register(1), size: layout.size)
    for index in 0..<8 {
      let value = try read(layout.register(UInt64(index) + 2), size: layout.size)
      task.registers[index] = layout.isWide ? value : value | 0xFFFF_0000
    }
    for index in 0..<layout.selectorCount {
      task.selectors[Int(index)] = UInt16(
        truncatingIfNeeded: try read(layout.selector(index), size: 2))
    }
    task.localTable = UInt16(truncatingIfNeeded: try read(layout.localTable, size: 2))
    return task
  }

  /// Makes the new task's state current, then judges its segments in its own context.
  private func loadTask(
    _ task: TaskState, nests: Bool, external: UInt32
  ) throws(Exception) {
    state.pointee.cr0 |= CR0.taskSwitched.rawValue
    state.pointee.debugRegisters[7] &= ~0x155
    var flags = RFLAGS(rawValue: task.flags & RFLAGS.defined.rawValue).union(.alwaysOne)
    if nests { flags.insert(.nestedTask) }
    rflags = flags
    for index in 0..<8 { self[index] = task.registers[index] }
    state.pointee.rip = task.instructionPointer
    state.pointee.nextRIP = task.instructionPointer
    for index in 0..<6 {
      state.pointee.segments[index] = SegmentRegister(
        selector: task.selectors[index], attributes: 0, limit: 0, base: 0)
    }
    self[.ldtr] = SegmentRegister(
      selector: task.localTable, attributes: 0, limit: 0, base: 0)
    // Until SS is known to be good, an exception must switch stacks.
    state.pointee.cpl = 3
    updateMode()
    if cr0.contains(.paging) { try loadPageDirectory(task.pageDirectory) }
    try loadTaskSegments(task, external: external)
    if task.traps { state.pointee.pendingDebug |= DebugStatus.taskSwitch }
  }

  private func loadTaskSegments(_ task: TaskState, external: UInt32) throws(Exception) {
    try loadTaskLocalTable(SegmentSelector(task.localTable), external: external)
    if mode.contains(.virtual8086) {
      for name in [SegmentName.es, .cs, .ss, .ds, .fs, .gs] {
        self[name] = realSegment(self[name], self[name].selector)
      }
      return updateMode()
    }
    let code = SegmentSelector(task.selectors[Int(SegmentName.cs.rawValue)])
    self[.ss] = try taskStack(
      SegmentSelector(task.selectors[Int(SegmentName.ss.rawValue)]), level: code.rpl,
      external: external)
    state.pointee.cpl = code.rpl
    updateMode()
    self[.cs] = try taskCode(code, external: external)
    updateMode()
    for name in [SegmentName.ds, .es, .fs, .gs] {
      try loadTaskData(name, SegmentSelector(self[name].selector), external: external)
    }
    updateMode()
  }

  private func loadTaskLocalTable(
    _ selector: SegmentSelector, external: UInt32
  ) throws(Exception) {
    guard !selector.isNull else { return }
    guard !selector.isLocal, let table = try descriptor(selector), table.systemType == .ldt,
      table.isPresent
    else { throw .invalidTSS(errorCode: selector.errorCode | external) }
    self[.ldtr] = table.segment(selector)
  }

  private func taskCode(
    _ selector: SegmentSelector, external: UInt32
  ) throws(Exception) -> SegmentRegister {
    let blame = selector.errorCode | external
    guard !selector.isNull, let code = try descriptor(selector), code.isCode,
      code.isConforming ? code.dpl <= selector.rpl : code.dpl == selector.rpl
    else { throw .invalidTSS(errorCode: blame) }
    guard code.isPresent else { throw .segmentNotPresent(errorCode: blame) }
    return try markAccessed(code, selector).segment(selector)
  }

  private func taskStack(
    _ selector: SegmentSelector, level: UInt8, external: UInt32
  ) throws(Exception) -> SegmentRegister {
    let blame = selector.errorCode | external
    guard !selector.isNull, let stack = try descriptor(selector), stack.isWritableData,
      stack.dpl == level, selector.rpl == level
    else { throw .invalidTSS(errorCode: blame) }
    guard stack.isPresent else { throw .stackFault(errorCode: blame) }
    return try markAccessed(stack, selector).segment(selector)
  }

  private func loadTaskData(
    _ name: SegmentName, _ selector: SegmentSelector, external: UInt32
  ) throws(Exception) {
    guard !selector.isNull else { return }
    let blame = selector.errorCode | external
    guard let data = try descriptor(selector), data.isReadable,
      data.isConforming || (data.dpl >= cpl && data.dpl >= selector.rpl)
    else { throw .invalidTSS(errorCode: blame) }
    guard data.isPresent else { throw .segmentNotPresent(errorCode: blame) }
    self[name] = try markAccessed(data, selector).segment(selector)
  }
}

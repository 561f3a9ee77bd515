/// Watches every lock that is taken and reports orders that could deadlock, before they do.
///
/// Switched on by the option `lockdep`, or by writing 1 to /proc/lockdep. Reports go to the log and
/// are kept for /proc/lockdep. The judgement is `LockGraph`'s, which the host tests.
import KernelArch

enum LockValidator {
  enum Kind {
    case spin
    case mutex
  }

  static var isOn: Bool { Configuration.LOCK_VALIDATOR && isStarted }
  nonisolated(unsafe) private static var isStarted = false
  /// A bare word, since the validator cannot watch its own lock.
  ///
  /// Interrupts are off while it is held.
  nonisolated(unsafe) private static var lockWord: UInt32 = 0
  nonisolated(unsafe) private static var graph: LockGraph?
  nonisolated(unsafe) private static var findings: UnsafeMutablePointer<LockGraph.Finding>?
  nonisolated(unsafe) private(set) static var findingCount = 0
  nonisolated(unsafe) private static var printed = 0
  private static let mostFindings = 32

  static func start() {
    LockClasses.prepare()
    if graph == nil {
      graph = LockGraph()
      findings = .allocate(capacity: mostFindings)
      // Run queues are locked in pairs by rising number, groups of waiters by their callers.
      graph?.allowNesting(LockClasses.number(of: "run queue"))
      graph?.allowNesting(LockClasses.number(of: "futex"))
    }
    AtomicAllocations.prepare()
    isStarted = true
  }

  static func stop() { isStarted = false }

  /// Before a lock is taken.
  static func willAcquire(
    _ lockClass: UnsafeMutablePointer<UInt32>, _ name: StaticString, kind: Kind
  ) {
    let wanted = LockClasses.number(&lockClass.pointee, name)
    let wereOn = Interrupts.areOn
    cpu_cli()
    let isInterrupt = Context.isInterrupt
    while atomic_exchange32(&lockWord, 1) != 0 { cpu_pause() }
    noteHeldSpinLocks(wanted)
    if !isInterrupt, let pointer = percpu_thread() {
      let thread = Unmanaged<Thread>.fromOpaque(pointer).takeUnretainedValue()
      for index in 0..<thread.heldCount {
        guard let held = thread.heldLocks[index].validatorClass?.pointee, held != 0 else {
          continue
        }
        keep(graph?.note(held: Int(held), wanted: wanted))
      }
    }
    if kind == .spin {
      keep(graph?.noteUse(wanted, inInterrupt: isInterrupt, interruptsOn: wereOn))
    }
    atomic_store32(&lockWord, 0)
    if wereOn { cpu_sti() }
  }

  private static func noteHeldSpinLocks(_ wanted: Int) {
    let area = percpu_self()
    for index in 0..<min(area.pointee.held_count, UInt32(PERCPU_HELD_LOCKS)) {
      guard let held = percpu_held_at(area, index) else { continue }
      let lock = Unmanaged<SpinLock>.fromOpaque(held).takeUnretainedValue()
      keep(graph?.note(held: LockClasses.number(&lock.validatorClass, lock.name), wanted: wanted))
    }
  }

  private static func keep(_ finding: LockGraph.Finding??) {
    guard case .some(.some(let finding)) = finding, findingCount < mostFindings else { return }
    findings?[findingCount] = finding
    findingCount += 1
  }

  /// Logs what has been found since the last call; not from under a spinlock.
  @discardableResult
  static func report() -> Int {
    var count = 0
    while printed < findingCount, let finding = findings?[printed] {
      printed += 1
      count += 1
      for line in describe(finding) { log("lockdep", line) }
    }
    AtomicAllocations.report()
    return count
  }

  static func describe(_ finding: LockGraph.Finding) -> [TextLine] {
    switch finding {
    case .reversal(let held, let wanted):
      var line: TextLine = "seen before:"
      graph?.forEachOnPath(from: wanted, to: held) { lockClass in
        line.append(lockClass == wanted ? " " : " -> ")
        line.append(line: LockClasses.name(lockClass))
      }
      return [
        "order reversal: \(LockClasses.name(wanted)) is taken while \(LockClasses.name(held)) is held,",
        line, "two threads that take them in both orders at once wait for each other for ever",
      ]
    case .recursion(let lockClass):
      return ["two locks of the class \(LockClasses.name(lockClass)) are held at once"]
    case .unsafeInInterrupts(let lockClass):
      return [
        "\(LockClasses.name(lockClass)) is taken by an interrupt handler, and held elsewhere with interrupts on"
      ]
    }
  }

  /// Whether this contradiction has ever been found.
  static func hasFound(_ finding: LockGraph.Finding) -> Bool {
    for index in 0..<findingCount where findings?[index] == finding { return true }
    return false
  }

  /// What /proc/lockdep says.
  static func write(to text: inout Text) {
    text.append("\(isOn ? "on" as StaticString : "off"), \(LockClasses.count) classes, ")
    text.append("\(graph?.edgeCount ?? 0) orders, \(findingCount) findings\n")
    for index in 0..<findingCount {
      guard let finding = findings?[index] else { break }
      for line in describe(finding) { text.append("\(line)\n") }
    }
    AtomicAllocations.write(to: &text)
  }

  static func control(_ bytes: [UInt8]) -> SystemError? {
    guard let first = bytes.first else { return .invalidArgument }
    if first == 0x31 { start() } else { stop() }
    return nil
  }
}

/// The names of locks, numbered from 1; locks of one name are one class.
///
/// The names are copies: a lock may lie in a module, and its name too, and both go with the module.
enum LockClasses {
  private static let longestName = 24
  nonisolated(unsafe) private static var lockWord: UInt32 = 0
  /// `longestName` bytes for each class, zeros behind the shorter ones.
  nonisolated(unsafe) private static var names: UnsafeMutablePointer<UInt8>?
  nonisolated(unsafe) private(set) static var count = 0

  /// Makes the table: a class is found while a lock is taken, where nothing can be allocated.
  static func prepare() {
    guard names == nil else { return }
    let size = LockGraph.capacity * longestName
    let table = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
    table.initialize(repeating: 0, count: size)
    names = table
  }

  static func name(_ number: Int) -> TextLine {
    var line = TextLine()
    for index in 0..<longestName {
      guard let byte = names?[number * longestName + index], byte != 0 else { break }
      line.append(byte: byte)
    }
    return line
  }

  /// The number that the lock keeps in `word` once it knows it.
  static func number(_ word: inout UInt32, _ name: StaticString) -> Int {
    if word == 0 { word = UInt32(number(of: name)) }
    return Int(word)
  }

  static func number(of name: StaticString) -> Int {
    Interrupts.off {
      while atomic_exchange32(&lockWord, 1) != 0 { cpu_pause() }
      defer { atomic_store32(&lockWord, 0) }
      let length = min(name.utf8CodeUnitCount, longestName)
      for number in 1..<max(count + 1, 1) where isName(of: number, name, length) { return number }
      // All that do not fit are one class.
      guard let names, count + 2 < LockGraph.capacity else { return LockGraph.capacity - 1 }
      count += 1
      (names + count * longestName).update(from: name.utf8Start, count: length)
      return count
    }
  }

  private static func isName(of number: Int, _ name: StaticString, _ length: Int) -> Bool {
    guard let names else { return false }
    let known = names + number * longestName
    for index in 0..<length where known[index] != name.utf8Start[index] { return false }
    return length == longestName || known[length] == 0
  }
}

/// How often and how long the locks of each class are held and waited for: `/proc/locks`.
///
/// Counted from the moment when 1 is written there, or from boot with the option `lockdep`.
enum LockStatistics {
  struct Row {
    var acquisitions: UInt64 = 0
    var contentions: UInt64 = 0
    var held: UInt64 = 0
    var longest: UInt64 = 0
  }

  static var isOn: Bool { Configuration.LOCK_STATISTICS && isStarted }
  nonisolated(unsafe) private static var isStarted = false
  nonisolated(unsafe) private static var rows: UnsafeMutablePointer<Row>?

  static func start() {
    LockClasses.prepare()
    if rows == nil {
      let table = UnsafeMutablePointer<Row>.allocate(capacity: LockGraph.capacity)
      table.initialize(repeating: Row(), count: LockGraph.capacity)
      rows = table
    }
    isStarted = true
  }

  static func noteAcquisition(_ word: inout UInt32, _ name: StaticString) {
    guard let rows else { return }
    _ = atomic_add64(&rows[LockClasses.number(&word, name)].acquisitions, 1)
  }

  static func noteContention(_ word: inout UInt32, _ name: StaticString) {
    guard let rows else { return }
    _ = atomic_add64(&rows[LockClasses.number(&word, name)].contentions, 1)
  }

  /// `time` in ticks of the time-stamp counter.
  static func noteHeld(_ number: UInt32, for time: UInt64) {
    guard let rows, number != 0 else { return }
    _ = atomic_add64(&rows[Int(number)].held, time)
    if time > rows[Int(number)].longest { rows[Int(number)].longest = time }
  }

  static func row(of name: StaticString) -> Row { rows?[LockClasses.number(of: name)] ?? Row() }

  static func stop() { isStarted = false }

  static func write(to text: inout Text) {
    guard let rows, isOn else { return text.append("off; write 1 here to count\n") }
    text.append("class               acquisitions contended  held us  longest us\n")
    let perMicrosecond = max(1, Clock.counterFrequency / 1_000_000)
    for number in 1..<max(LockClasses.count + 1, 1) {
      let row = rows[number]
      guard row.acquisitions > 0 else { continue }
      var line = TextLine()
      line.append(line: LockClasses.name(number))
      line.pad(to: 20)
      line.append(line: "\(row.acquisitions, width: 12) \(row.contentions, width: 9) ")
      line.append(line: "\(row.held / perMicrosecond, width: 8) ")
      line.append(line: "\(row.longest / perMicrosecond, width: 11)\n")
      text.append(line)
    }
  }

  static func control(_ bytes: [UInt8]) -> SystemError? {
    guard let first = bytes.first else { return .invalidArgument }
    if first == 0x31 { start() } else { stop() }
    return nil
  }
}

enum LockFiles {
  static func start() {
    if Configuration.LOCK_VALIDATOR {
      ProcFS.add("lockdep", write: LockValidator.control) { LockValidator.write(to: &$0) }
    }
    if Configuration.LOCK_STATISTICS {
      ProcFS.add("locks", write: LockStatistics.control) { LockStatistics.write(to: &$0) }
    }
    guard Power.options.validatesLocks else { return }
    if Configuration.LOCK_STATISTICS { LockStatistics.start() }
    guard Configuration.LOCK_VALIDATOR else { return }
    LockValidator.start()
    Thread.spawn("lockdep") {
      while true {
        Thread.sleep(nanoseconds: 100_000_000)
        LockValidator.report()
      }
    }
  }
}

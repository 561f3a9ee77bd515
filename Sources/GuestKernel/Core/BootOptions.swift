/// What the kernel command line asks for.
///
/// - `quiet`: boot messages go to the log only.
/// - `init=PROGRAM` or `run=PROGRAM`: starts that program instead of the shell.
/// - `cmd="A; B"`: the shell runs these commands before it asks for more.
/// - `exit`: powers off when those commands (or the program of `init=`) have ended.
/// - `debug-exit`: ends through the debug port 0xF4 instead of ACPI: 0x10 for power-off, 0x01 after
///   a panic.
/// - `selftest`: the kernel checks itself before the first program starts.
/// - `noapic`: uses the 8259s even where there is an IOAPIC.
/// - `nosmp`, `maxcpus=N`: starts no other processors, or no more than N altogether.
/// - `kaslr`, `kaslr=N`: where things lie is chosen at boot.
/// - `pti=on`, `pti=off`: whether programs' page tables leave the kernel out.
/// - `stackusage`: logs each call that uses more of a kernel stack than any before.
/// - `slabdebug`: red zones, patterns and callers for every object of the kernel's heap.
/// - `lockdep`: every lock that is taken is checked for an order that could deadlock, and counted.
/// - `failures=every=N` or another `FailurePlan`: memory is refused on purpose, see /proc/failures.
/// - `without=A,B`: leaves these options of kernel.config out, in a kernel built with VARIABLE.
/// - `panic=reboot`: restarts after a panic instead of halting.
package struct BootOptions: Equatable {
  package var isQuiet = false
  package var program: [UInt8] = []
  package var commands: [UInt8] = []
  package var exitsAfterwards = false
  package var usesDebugExit = false
  package var testsItself = false
  package var rebootsAfterPanic = false
  package var checksSlabs = false
  package var validatesLocks = false
  package var isolatesKernel = false
  package var watchesStacks = false
  package var announcesThreads = false
  /// Where things lie is random: from this seed, from the clock if it is 0.
  package var randomSeed: UInt64?
  package var maximumProcessors = 64
  /// Mistakes to be made, for the tests that must find them.
  package var faults: InjectedFaults = []
  /// A `FailurePlan`.
  package var failures: [UInt8] = []
  /// Options of kernel.config.
  package var leftOut: [[UInt8]] = []
  package var avoidsIOAPIC = false
  package var module = ModuleOptions()
  package var debug = DebugOptions()
  /// Words that are not options of this kernel.
  package var unknown: [[UInt8]] = []

  package init() {}

  package init(commandLine: [UInt8]) {
    for word in Words.split(commandLine) { read(word) }
  }

  private mutating func read(_ word: [UInt8]) {
    if word.equals("quiet") {
      isQuiet = true
    } else if word.equals("exit") {
      exitsAfterwards = true
    } else if word.equals("debug-exit") {
      usesDebugExit = true
    } else if word.equals("lockdep") {
      validatesLocks = true
    } else if word.equals("announce") {
      announcesThreads = true
    } else if word.equals("selftest") {
      testsItself = true
    } else if word.equals("panic=reboot") {
      rebootsAfterPanic = true
    } else if word.equals("stackusage") {
      watchesStacks = true
    } else if word.equals("pti=on") || word.equals("pti=off") {
      isolatesKernel = word.equals("pti=on")
    } else if word.equals("noapic") {
      avoidsIOAPIC = true
    } else if word.equals("nosmp") {
      maximumProcessors = 1
    } else if word.starts(with: "maxcpus=") {
      maximumProcessors = max(1, BootOptions.number(word.dropFirst(8)) ?? 64)
    } else if word.equals("slabdebug") {
      checksSlabs = true
    } else if word.starts(with: "fault="),
      let faults = InjectedFaults(list: Array(word.dropFirst(6)))
    {
      self.faults = faults
    } else if word.starts(with: "failures=") {
      failures = Array(word.dropFirst(9))
    } else if word.equals("kaslr") {
      randomSeed = 0
    } else if word.starts(with: "kaslr=") {
      randomSeed = UInt64(BootOptions.number(word.dropFirst(6)) ?? 1)
    } else if word.starts(with: "without=") {
      leftOut += word.dropFirst(8).split(separator: 0x2c).map { Array($0) }
    } else if word.starts(with: "init=") {
      program = Array(word.dropFirst(5))
    } else if word.starts(with: "run=") {
      program = Array(word.dropFirst(4))
    } else if word.starts(with: "cmd=") {
      commands = Array(word.dropFirst(4))
    } else if !module.read(word), !debug.read(word) {
      unknown.append(word)
    }
  }

  /// A decimal number of at most six digits.
  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard !digits.isEmpty, digits.count <= 6 else { return nil }
    var value = 0
    for digit in digits {
      guard digit >= 0x30, digit <= 0x39 else { return nil }
      value = value * 10 + Int(digit - 0x30)
    }
    return value
  }
}

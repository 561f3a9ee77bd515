import ArgumentParser
import Emulator
import EmulatorTesting
import Synchronization

/// `emu crash`: the power fails at every write to a disk, and the machine boots again.
struct Crash: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Cut the power at every write to a disk, and see what the next boot makes of it.",
    discussion: """
      The machine runs to its end with the first --disk; the file itself is not written to. Then, \
      for every write, a machine boots with the disk as it was behind it and with the command line \
      of --then, and its console has to show a line that matches --expect.
      Exit status: 0 every boot did; 1 some did not; 2 usage; 3 an unusable file; 4, 5, 8 the first \
      run did not end by itself, as emu boot says it.
      """)

  @OptionGroup var options: MachineOptions

  @Option(
    help: ArgumentHelp(
      "The command line of the boots that follow; otherwise --append again.", valueName: "text"))
  var then: String?

  @Option(
    help: ArgumentHelp(
      "The line that each boot has to show (POSIX extended syntax).", valueName: "regex"))
  var expect: String

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("A line that no boot may show; may be repeated.", valueName: "regex"))
  var forbid: [String] = []

  @Option(
    help: ArgumentHelp(
      "For each write, so many disks more that lack some writes behind the last flush, as a disk "
        + "with a memory of its own may; which ones follows from --seed.", valueName: "n"))
  var unflushed = 0

  @Option(
    help: ArgumentHelp("Only this moment, as a failure names it: 12, or 12.3.", valueName: "cut"))
  var at: PowerCut?

  @Option(help: ArgumentHelp("With --at: write the disk to a file.", valueName: "file"))
  var keep: String?

  @Option(help: ArgumentHelp("Instructions that a run may take.", valueName: "n"))
  var limit: UInt64 = RunLimit.usual.instructions

  @Option(
    help: ArgumentHelp(
      "Boots at once; without it, as many as the host has processors.", valueName: "n"))
  var jobs: Int?

  func validate() throws {
    guard !options.disks.isEmpty else {
      throw ValidationError("--disk was expected: the disk whose power fails")
    }
    guard (0...1000).contains(unflushed) else {
      throw ValidationError("--unflushed takes a number from 0 to 1000")
    }
    if keep != nil, at == nil { throw ValidationError("--keep needs --at") }
    if let jobs, jobs < 1 { throw ValidationError("--jobs takes a number from 1 on") }
    do {
      for pattern in [expect] + forbid { _ = try ConsolePattern.line(posix: pattern) }
    } catch {
      throw ValidationError(error.description)
    }
  }

  func run() throws {
    let disk = try record()
    let cuts = try select(PowerCut.all(of: disk, variants: unflushed), of: disk)
    let failures = Mutex<[(cut: PowerCut, text: String)]>([])
    let broken = Mutex<Failure?>(nil)
    HostProcessors.forEach(below: cuts.count, jobs: jobs) { index in
      guard broken.withLock({ $0 == nil }) else { return }
      do {
        guard let text = try boot(cuts[index], of: disk) else { return }
        failures.withLock { $0.append((cuts[index], text)) }
      } catch {
        let failure = error as? Failure ?? Failure("\(error)", status: ExitStatus.unusableFile)
        broken.withLock { $0 = failure }
      }
    }
    if let failure = broken.withLock({ $0 }) { throw failure }
    let sorted = failures.withLock { $0.sorted { $0.cut < $1.cut } }
    print(
      "\(cuts.count - sorted.count) of \(cuts.count) power cuts survived, "
        + "at \(disk.writes.count) writes")
    guard let first = sorted.first else { return }
    try report(first.cut, first.text, of: disk)
    let others = sorted.dropFirst().map(\.cut.description)
    if !others.isEmpty { print("also: " + others.joined(separator: " ")) }
    throw ExitCode(ExitStatus.testsFailed)
  }

  // MARK: The run before the power fails

  /// Runs the machine to its end; returns its disk with all that was written to it.
  private func record() throws -> RecordedDisk {
    let disk = try openDisk()
    let machine = try options.makeMachine(console: 0, firstDisk: disk)
    let stop = machine.run(limit: limit, timeLimit: RunLimit.usual.nanoseconds)
    switch stop {
    case .poweredOff, .debugExit: return disk
    case .shutdown: try fail(machine, stop, status: ExitStatus.shutdown)
    case .haltedForever: try fail(machine, stop, status: ExitStatus.haltedForever)
    default: try fail(machine, stop, status: ExitStatus.instructionLimit)
    }
  }

  private func fail(_ machine: Machine, _ stop: StopReason, status: Int32) throws -> Never {
    throw Failure(
      ExpectationFailure(
        machine, "the run in which the power shall fail has to end by itself, but \(stop.sentence)",
        stop: stop), status: status)
  }

  private func openDisk() throws -> RecordedDisk {
    do {
      return RecordedDisk(over: try options.disks[0].open().backend)
    } catch {
      throw Failure(error, status: ExitStatus.unusableFile)
    }
  }

  /// The moments that are tried.
  private func select(_ all: [PowerCut], of disk: RecordedDisk) throws -> [PowerCut] {
    guard let at else { return all }
    guard at.writes <= disk.writes.count else {
      throw Failure(
        "--at \(at): there are only \(disk.writes.count) writes", status: ExitStatus.usage)
    }
    if let keep { try write(at.disk(of: disk, seed: options.seed), to: keep) }
    return [at]
  }

  /// Writes a disk's content to a file, in pieces.
  private func write(_ disk: RecordedDisk, to path: String) throws {
    do {
      let file = try FileBackend(path: path)
      var offset: UInt64 = 0
      while offset < disk.size {
        let count = min(1 << 20, disk.size - offset)
        guard let bytes = disk.read(at: offset, count: Int(count)) else {
          throw HostError(options.disks[0].path, "cannot be read at byte \(offset)")
        }
        try file.send(bytes)
        offset += count
      }
      file.close()
    } catch {
      throw Failure("\(error)", status: ExitStatus.hostFailure)
    }
  }

  // MARK: The boots behind it

  /// Boots with the disk as it was then; what is wrong, nil if nothing is.
  private func boot(_ cut: PowerCut, of disk: RecordedDisk) throws -> String? {
    var options = options
    options.append = then ?? options.append
    let machine = try options.makeMachine(
      console: 0, firstDisk: cut.disk(of: disk, seed: options.seed))
    do {
      try machine.expect(
        console: try .line(posix: expect), within: .instructions(limit),
        forbidding: try forbid.map { try .line(posix: $0) })
      return nil
    } catch let failure as ExpectationFailure {
      return failure.description
    }
  }

  /// Shows the first failure: where in the run the power failed, and what came of it.
  private func report(_ cut: PowerCut, _ text: String, of disk: RecordedDisk) throws {
    print("FAILED  \(cut)")
    if let write = disk.writes.prefix(cut.writes).last {
      let machine = try machine(behind: cut.writes)
      print(
        "  the last write: \(write.bytes.count) bytes at byte \(write.offset) of the disk, "
          + "by instruction \(machine.instructionCount)")
      for line in machine.diagnosis(of: .instructionLimit).lines { print("    \(line)") }
    }
    for line in text.split(separator: "\n") { print("  \(line)") }
    print("  the disk: the same command with --at \(cut) --keep FILE")
  }

  /// The machine just behind a write, found by halving: a run repeats.
  private func machine(behind writes: Int) throws -> Machine {
    func run(_ count: UInt64) throws -> (machine: Machine, writes: Int) {
      let disk = try openDisk()
      let machine = try options.makeMachine(console: 0, firstDisk: disk)
      _ = machine.run(limit: count)
      return (machine, disk.writes.count)
    }
    var least: UInt64 = 0
    var most = try run(limit).machine.instructionCount
    while least + 1 < most {
      let middle = least + (most - least) / 2
      if try run(middle).writes < writes { least = middle } else { most = middle }
    }
    return try run(most).machine
  }
}

extension PowerCut: ExpressibleByArgument {
  /// A moment as a failure names it.
  public init?(argument: String) { self.init(argument) }
}

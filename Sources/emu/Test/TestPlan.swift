import ArgumentParser
import Debugger
import Emulator
import EmulatorTesting
import Glibc

/// The tests of all manifests that were named, with their machines' options.
struct TestPlan {
  /// A test and what its machine is made of.
  struct Job: Sendable {
    let manifest: String
    private(set) var test: GuestTest
    private let options: MachineOptions
    private let folder: String?

    init(_ test: GuestTest, manifest: String) throws {
      self.test = test
      self.manifest = manifest
      folder = manifest.lastIndex(of: "/").map { String(manifest[...$0]) }
      for option in test.options {
        let one = try Self.parse([option], manifest)
        try one.checkFiles(folder: folder) { ManifestError(manifest, option.line, $0) }
      }
      options = try Self.parse(test.options, manifest)
    }

    /// Parses options as those of `emu boot`, or says which line of the manifest is wrong.
    private static func parse(
      _ options: [GuestTest.Option], _ manifest: String
    ) throws -> MachineOptions {
      let arguments = options.map { option in
        switch (option.name, option.argument) {
        case ("image", let path?): path.hasPrefix("-") ? "./\(path)" : path
        case ("hvc", _): "--hvc=stdio"
        case (let name, let argument?): "--\(name)=\(argument)"
        case (let name, nil): "--\(name)"
        }
      }
      do {
        return try MachineOptions.parse(arguments)
      } catch {
        throw ManifestError(
          manifest, options.last?.line ?? 1, MachineOptions.message(for: error))
      }
    }

    /// The test, to be run so often.
    func repeated(_ count: Int) -> Job {
      var job = self
      job.test = test.repeated(count)
      return job
    }

    private func makeMachine() throws -> Machine {
      try options.makeMachine(
        console: 0, folder: folder,
        resetBehavior: test.end?.content == .reset ? .stop : .restart)
    }

    /// Runs the test; a golden trace that differs is written anew where that is accepted.
    func run(acceptsTraces: Bool) -> TestReport {
      let start = ContinuousClock.now
      let result = test.run(comparing: { compare($0, accepts: acceptsTraces) }, makeMachine)
      return TestReport(
        manifest: manifest, test: test, result: result,
        seconds: (ContinuousClock.now - start).seconds, command: command)
    }

    /// What differs from the golden trace when the machine's input comes again; nil if nothing does.
    private func compare(_ machine: Machine, accepts: Bool) -> String? {
      guard let golden = test.golden?.content else { return nil }
      let path = golden.path.relative(to: folder)
      do {
        guard access(path, F_OK) == 0 else {
          guard accepts else {
            return "\(path): there is no such trace; emu test --accept writes it"
          }
          try record(machine, TraceOptions(golden.mode), path)
          return nil
        }
        let trace = try TraceFiles.read(path)
        let check = TraceCheck(
          trace, input: machine.inputLog, folder: TraceFiles.folder(of: path), make: makeMachine)
        guard let divergence = try check().divergence else { return nil }
        if accepts {
          try record(machine, trace.options, path)
          return nil
        }
        return DivergenceReport(
          divergence, name: path, input: machine.inputLog, make: makeMachine
        ).text
      } catch {
        return "\(error)"
      }
    }

    private func record(_ machine: Machine, _ options: TraceOptions, _ path: String) throws {
      let description = try self.options.description(of: machine, folder: folder)
      var options = options
      if test.end?.content == .instructionLimit { options.limit = machine.instructionCount }
      let trace = try Trace.record(
        description, input: machine.inputLog, options: options, make: makeMachine)
      try TraceFiles.write(trace, to: path, symbols: SymbolTable(machine.image?.elf))
    }

    /// The command that runs the test again.
    private var command: String {
      let name = test.name.map { ".+".contains($0) ? "\\\($0)" : String($0) }.joined()
      let isPlain = manifest.allSatisfy { $0.isLetter || $0.isNumber || "/._-".contains($0) }
      let path =
        isPlain
        ? manifest
        : "'" + manifest.map { $0 == "'" ? "'\\''" : String($0) }.joined() + "'"
      let times = test.repetitions > 1 ? " --repeat \(test.repetitions)" : ""
      return "emu test \(path) --filter '^\(name)$'\(times)"
    }
  }

  /// The tests, in the order of the arguments and of the files.
  let jobs: [Job]

  /// Reads the manifests, and those in directories.
  init(paths: [String]) throws {
    var jobs: [Job] = []
    do {
      for path in try paths.flatMap({ try ManifestFiles.find($0) }) {
        let bytes = try HostFile.read(path)
        let manifest = try Manifest(String(decoding: bytes, as: UTF8.self), name: path)
        jobs += try manifest.tests.map { try Job($0, manifest: path) }
      }
    } catch let error as any CustomStringConvertible & Error {
      throw Failure(error, status: ExitStatus.unusableFile)
    }
    self.jobs = jobs
  }
}

extension MachineOptions {
  /// Checks that the files which the options name can be read.
  fileprivate func checkFiles(folder: String?, error: (String) -> ManifestError) throws {
    let files =
      [image, firmware.bios, firmware.videoBIOS].compactMap(\.self) + firmware.opticalDisks
      + disks.map(\.path) + modules.map { Self.moduleParts($0).file }
    for file in files {
      let path = file.relative(to: folder)
      guard access(path, R_OK) == 0 else {
        let reason = strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
        throw error("\(path) cannot be read: \(reason)")
      }
    }
  }
}

/// Runs the tree that the parser built.
import Apus

extension Shell {
  func execute(_ list: ShellList) {
    for sequence in list.sequences {
      if Traps.isPending { runTraps() }
      if leaving != .no { return }
      if Interrupt.isPending, !controlsJobs || jobs.isRunningScript { return }
      execute(sequence)
    }
    if Traps.isPending { runTraps() }
  }

  private func execute(_ sequence: ShellSequence) {
    if sequence.isInBackground {
      // Several pipelines in the background need a shell of their own to decide between them.
      if sequence.pipelines.count == 1, !sequence.pipelines[0].pipeline.isNegated {
        Launch.start(
          sequence.pipelines[0].pipeline.commands, self, text: sequence.text, inBackground: true)
      } else {
        var inner = sequence
        inner.isInBackground = false
        let command = ShellCommand.subshell(ShellList(sequences: [inner]), [])
        Launch.start([command], self, text: sequence.text, inBackground: true)
      }
      lastCode = 0
      return
    }
    let last = sequence.pipelines.count - 1
    for (index, (connector, pipeline)) in sequence.pipelines.enumerated() {
      switch connector {
      case .first: break
      case .and: if lastCode != 0 { continue }
      case .or: if lastCode == 0 { continue }
      }
      // Only the end of the whole may end the shell by failing.
      let isCondition = index < last || pipeline.isNegated
      if isCondition { conditionDepth += 1 }
      execute(pipeline, text: sequence.text, isAlone: last == 0)
      if isCondition { conditionDepth -= 1 }
      if leaving != .no { return }
      if endsOnFailure, lastCode != 0, conditionDepth == 0, !isCondition { leaving = .shell }
    }
  }

  private func execute(_ pipeline: ShellPipeline, text: [UInt8], isAlone: Bool) {
    if pipeline.commands.count == 1 {
      execute(pipeline.commands[0], text: text, isAlone: isAlone && !pipeline.isNegated)
    } else {
      Launch.start(pipeline.commands, self, text: text, inBackground: false)
    }
    if pipeline.isNegated { lastCode = lastCode == 0 ? 1 : 0 }
  }

  /// Runs one command here, if it can be; a program or a subshell in a process of its own.
  func execute(_ command: ShellCommand, text: [UInt8], isAlone: Bool) {
    if isTooDeep {
      complain("nested too deeply")
      lastCode = 2
      leaving = .line
      return
    }
    switch command {
    case .simple(let simple):
      execute(simple, text: text, isAlone: isAlone)
    case .subshell:
      Launch.start([command], self, text: text, inBackground: false)
    case .function(let name, let body):
      define(name, body)
      lastCode = 0
    case .group(let list, let redirections):
      redirecting(redirections) { execute(list) }
    case .conditional(let branches, let otherwise, let redirections):
      redirecting(redirections) { conditional(branches, otherwise) }
    case .loop(let condition, let body, let isUntil, let redirections):
      redirecting(redirections) { loop(condition, body, isUntil) }
    case .iteration(let name, let words, let body, let redirections):
      redirecting(redirections) { iterate(name, words, body) }
    case .selection(let subject, let cases, let redirections):
      redirecting(redirections) { select(subject, cases) }
    }
  }

  /// Runs `body` with descriptors changed, and puts them back.
  private func redirecting(_ redirections: [ShellRedirection], _ body: () -> Void) {
    if redirections.isEmpty { return body() }
    var saved = SavedDescriptors()
    if Redirecting.apply(redirections, self, saving: &saved) {
      body()
    } else {
      lastCode = 1
    }
    saved.restore()
  }
}

// MARK: Simple commands

extension Shell {
  typealias Assignment = (name: [UInt8], value: [UInt8])

  private func execute(_ simple: ShellSimpleCommand, text: [UInt8], isAlone: Bool) {
    var words: [[UInt8]] = []
    var values: [Assignment] = []
    substitutionCode = nil
    let becomesProgram = becomesProgram
    self.becomesProgram = false
    do throws(ShellSyntaxError) {
      words = try ShellExpansion.fields(simple.words, self)
      for assignment in simple.assignments {
        values.append((assignment.name, try ShellExpansion.text(assignment.value, self)))
        // The next value may ask for this one.
        if words.isEmpty { assign(values[values.count - 1].value, to: assignment.name) }
      }
    } catch {
      return refuse(error)
    }
    if leaving != .no { return }
    if echoesCommands { trace(values, words) }
    guard !words.isEmpty else {
      // Assignments alone have the code of the command that made the value.
      lastCode = substitutionCode ?? 0
      return redirecting(simple.redirections) {}
    }
    if becomesProgram, function(words[0]) == nil, BuiltIn.find(words[0]) == nil {
      Launch.become(words, values, simple.redirections, self)
    }
    run(words, values, simple.redirections, text: text, isAlone: isAlone)
  }

  /// A function, a command of the shell's own, or a program, in this order; `command` leaves functions
  /// out.
  func run(
    _ words: [[UInt8]], _ values: [Assignment], _ redirections: [ShellRedirection],
    text: [UInt8], isAlone: Bool, usesFunctions: Bool = true
  ) {
    if usesFunctions, let body = function(words[0]) {
      redirecting(redirections) {
        with(values) { call(body, Array(words.dropFirst())) }
      }
    } else if let builtIn = BuiltIn.find(words[0]) {
      if words[0].equals("exec") {
        for value in values { export(value.name, value.value) }
        BuiltIn.execute(self, words, redirections)
      } else if builtIn.isSpecial {
        for value in values { assign(value.value, to: value.name) }
        redirecting(redirections) { run(builtIn, words) }
      } else {
        redirecting(redirections) { with(values) { run(builtIn, words) } }
      }
    } else {
      Launch.run(words, values, redirections, self, text: text, reportsCode: isAlone)
    }
  }

  /// Runs `body` with variables that have these values meanwhile, and are exported.
  private func with(_ values: [Assignment], _ body: () -> Void) {
    var old: [(name: [UInt8], variable: Variable?)] = []
    for value in values {
      old.append((value.name, variables[value.name]))
      export(value.name, value.value)
    }
    body()
    for entry in old.reversed() { variables.restore(entry.name, entry.variable) }
  }

  /// What a command has not been able to write makes it a failure.
  private func run(_ builtIn: BuiltIn, _ words: [[UInt8]]) {
    if words.count == 2, words[1].equals("--help") {
      say("usage: \(builtIn.usage)\n\(builtIn.summary)\n")
      lastCode = 0
      return
    }
    lastCode = builtIn.run(self, words)
    if lastCode == BuiltIn.misused {
      complain("usage: \(builtIn.usage)")
      lastCode = 2
    }
    guard let error = Output.takeFailure() else { return }
    complain("\(text: words[0]): write error: \(error.name)")
    if lastCode == 0 { lastCode = 1 }
  }

  /// `set -x`: the command as it is after expansion, on standard error.
  private func trace(_ values: [Assignment], _ words: [[UInt8]]) {
    var line = value(of: [UInt8](text: "PS4")) ?? []
    var parts = values.map { $0.name + [0x3d] + $0.value }
    for word in words {
      let isPlain = !word.isEmpty && word.allSatisfy { $0 > 0x20 && $0 != 0x27 && $0 != 0x24 }
      parts.append(isPlain ? word : quoted(word))
    }
    line += Array(parts.joined(separator: [0x20])) + [0x0a]
    Output.flush()
    _ = line.withUnsafeBytes { Descriptor.error.write(all: $0) }
  }

  /// A function: its arguments are `$1` and so on meanwhile.
  private func call(_ body: ShellCommand, _ words: [[UInt8]]) {
    let saved = arguments
    arguments = words
    variables.enterFunction()
    returnDepth += 1
    execute(body, text: [], isAlone: false)
    returnDepth -= 1
    variables.leaveFunction()
    arguments = saved
    if leaving == .function { leaving = .no }
  }
}

// MARK: Compound commands

extension Shell {
  private func conditional(_ branches: [ShellBranch], _ otherwise: ShellList?) {
    for branch in branches {
      test(branch.condition)
      if leaving != .no { return }
      if lastCode == 0 { return execute(branch.body) }
    }
    lastCode = 0
    if let otherwise { execute(otherwise) }
  }

  /// Runs what decides: that it fails is no failure.
  private func test(_ condition: ShellList) {
    conditionDepth += 1
    execute(condition)
    conditionDepth -= 1
  }

  private func loop(_ condition: ShellList, _ body: ShellList, _ isUntil: Bool) {
    var code: Int32 = 0
    while true {
      test(condition)
      if leaving != .no || Interrupt.isPending || (lastCode == 0) == isUntil { break }
      execute(body)
      code = lastCode
      if !loopGoesOn() { break }
    }
    if leaving == .no { lastCode = Interrupt.isPending ? 130 : code }
  }

  private func iterate(_ name: [UInt8], _ words: [ShellWord]?, _ body: ShellList) {
    var values = arguments
    if let words {
      do throws(ShellSyntaxError) {
        values = try ShellExpansion.fields(words, self)
      } catch {
        return refuse(error)
      }
    }
    lastCode = 0
    for value in values {
      assign(value, to: name)
      execute(body)
      if !loopGoesOn() { break }
    }
  }

  /// After a loop's body: takes `break` and `continue` into account.
  private func loopGoesOn() -> Bool {
    if Interrupt.isPending { return false }
    guard case .loop(let levels, let goesOn) = leaving else { return leaving == .no }
    leaving = levels > 1 ? .loop(levels: levels - 1, goesOn: goesOn) : .no
    return levels == 1 && goesOn
  }

  private func select(_ subject: ShellWord, _ cases: [ShellCase]) {
    lastCode = 0
    do throws(ShellSyntaxError) {
      let text = try ShellExpansion.text(subject, self)
      for choice in cases {
        for pattern in choice.patterns
        where Glob.matches(try ShellExpansion.pattern(pattern, self), text) {
          return execute(choice.body)
        }
      }
    } catch {
      refuse(error)
    }
  }
}

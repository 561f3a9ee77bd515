/// Runs the tree that the parser built.
import Apus

extension Shell {
  func execute(_ list: ShellList) {
    for sequence in list.sequences {
      if leaving != .no { return }
      if Interrupt.isPending, !controlsJobs || jobs.isRunningScript { return }
      execute(sequence)
    }
  }

  private func execute(_ sequence: ShellSequence) {
    if sequence.isInBackground {
      // Several pipelines in the background need a shell of their own to decide between them.
      if sequence.pipelines.count == 1 {
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
    for (connector, pipeline) in sequence.pipelines {
      switch connector {
      case .first: break
      case .and: if lastCode != 0 { continue }
      case .or: if lastCode == 0 { continue }
      }
      execute(pipeline, text: sequence.text, isAlone: sequence.pipelines.count == 1)
      if leaving != .no { return }
    }
    if endsOnFailure, lastCode != 0, sequence.pipelines.count == 1 { leaving = .shell }
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

  private func execute(_ simple: ShellSimpleCommand, text: [UInt8], isAlone: Bool) {
    var words: [[UInt8]] = []
    var values: [(name: [UInt8], value: [UInt8])] = []
    substitutionCode = nil
    do throws(ShellSyntaxError) {
      words = try ShellExpansion.fields(simple.words, self)
      for assignment in simple.assignments {
        values.append((assignment.name, try ShellExpansion.text(assignment.value, self)))
      }
    } catch {
      complain("\(error.message)")
      lastCode = 2
      return
    }
    if echoesCommands, !words.isEmpty {
      say(bytes: [0x2b, 0x20] + Array(words.joined(separator: [0x20])) + [0x0a])
    }
    guard let name = words.first else {
      // Assignments alone have the code of the command that made the value.
      lastCode = substitutionCode ?? 0
      redirecting(simple.redirections) {}
      for value in values { assign(value.value, to: value.name) }
      return
    }
    if let body = function(name) {
      redirecting(simple.redirections) { call(body, Array(words.dropFirst())) }
    } else if let builtIn = BuiltIn.find(name) {
      for value in values { assign(value.value, to: value.name) }
      if name.equals("exec") {
        BuiltIn.execute(self, words, simple.redirections)
      } else {
        redirecting(simple.redirections) { run(builtIn, words) }
      }
    } else {
      Launch.run(
        words, values, simple.redirections, self, text: text, reportsCode: isAlone)
    }
  }

  /// What a command has not been able to write makes it a failure.
  private func run(_ builtIn: BuiltIn, _ words: [[UInt8]]) {
    lastCode = builtIn.run(self, words)
    guard let error = Output.takeFailure() else { return }
    complain("\(text: words[0]): write error: \(error.name)")
    if lastCode == 0 { lastCode = 1 }
  }
}

// MARK: Compound commands

extension Shell {
  private func conditional(_ branches: [ShellBranch], _ otherwise: ShellList?) {
    for branch in branches {
      execute(branch.condition)
      if leaving != .no { return }
      if lastCode == 0 { return execute(branch.body) }
    }
    lastCode = 0
    if let otherwise { execute(otherwise) }
  }

  private func loop(_ condition: ShellList, _ body: ShellList, _ isUntil: Bool) {
    var code: Int32 = 0
    while true {
      execute(condition)
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
        complain("\(error.message)")
        lastCode = 2
        return
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
      complain("\(error.message)")
      lastCode = 2
    }
  }

  /// A function: its arguments are `$1` and so on meanwhile.
  private func call(_ body: ShellList, _ words: [[UInt8]]) {
    let saved = arguments
    arguments = words
    execute(body)
    arguments = saved
    if leaving == .function { leaving = .no }
  }
}

/// Commands about jobs: `jobs`, `fg`, `bg`, `wait`, `kill`, and `run`.
import Apus

let jobControl: [BuiltIn] = [
  BuiltIn(name: "jobs", usage: "jobs [-p]", summary: "programs in the background") { shell, words in
    shell.jobs.report(shell)
    return shell.jobs.list(words.dropFirst())
  },
  BuiltIn(
    name: "wait", usage: "wait [PID | %JOB...]", summary: "until background programs have ended"
  ) { shell, words in
    var code: Int32? = 0
    if words.count == 1 { code = shell.jobs.waitForAll() }
    for word in words.dropFirst() where code != nil { code = shell.jobs.wait(for: word) }
    if code == nil, shell.controlsJobs { say("\n") }
    return code ?? 130
  },
  BuiltIn(name: "fg", usage: "fg [%JOB]", summary: "goes on in the foreground") { shell, words in
    guard let index = job(shell, words) else { return 1 }
    var job = shell.jobs.remove(at: index)
    say(bytes: job.text + [0x0a])
    Output.flush()
    if let settings = job.terminal { Terminal.set(settings, of: .input) }
    Terminal.setForeground(job.group)
    job.isStopped = false
    _ = Call.kill(-job.group, Signal.continue.rawValue)
    return shell.jobs.waitInForeground(job, shell)
  },
  BuiltIn(name: "bg", usage: "bg [%JOB]", summary: "goes on in the background") { shell, words in
    guard let index = job(shell, words) else { return 1 }
    var job = shell.jobs.remove(at: index)
    job.isStopped = false
    say("[\(job.number)] ")
    say(bytes: job.text + [0x0a])
    _ = Call.kill(-job.group, Signal.continue.rawValue)
    _ = shell.jobs.add(job, inBackground: true)
    return 0
  },
  BuiltIn(
    name: "kill", usage: "kill [-s SIGNAL | -SIGNAL] PID | %JOB... | kill -l",
    summary: "sends a signal", run: kill),
  BuiltIn(name: "run", usage: "run PROGRAM [ARGUMENTS]", summary: "so does its name alone") {
    shell, words in
    guard words.count > 1 else { return BuiltIn.misused }
    Launch.run(Array(words.dropFirst()), [], [], shell, text: words[1], reportsCode: true)
    return shell.lastCode
  },
]

private func job(_ shell: Shell, _ words: [[UInt8]]) -> Int? {
  shell.jobs.report(shell)
  if let index = shell.jobs.find(words.count > 1 ? words[1] : nil) { return index }
  complain("\(text: words[0]): no such job")
  return nil
}

private func kill(_ shell: Shell, _ words: [[UInt8]]) -> Int32 {
  var rest = Array(words.dropFirst())
  guard let (signal, isList) = Signal.option(&rest) else { return 2 }
  if isList { return Signal.list(rest) }
  guard !rest.isEmpty else { return BuiltIn.misused }
  var code: Int32 = 0
  for word in rest {
    do throws(SystemError) {
      try shell.jobs.send(signal, to: word, shell)
    } catch {
      complain("kill: \(text: word): \(error.name)")
      code = 1
    }
  }
  return code
}

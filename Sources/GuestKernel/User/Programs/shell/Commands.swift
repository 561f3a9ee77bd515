/// The commands the shell does itself.
import Apus
import UserSystem

struct BuiltIn {
  let name: StaticString
  let usage: StaticString
  let summary: StaticString
  /// Runs it with its words; the flag says that `&` followed.
  let run: (inout Shell, [[UInt8]], Bool) -> Void
}

var commandTable: [BuiltIn] {
  [
    BuiltIn(name: "help", usage: "help [boot|keys]", summary: "this list") { _, words, _ in
      Help.show(words.first)
    },
    BuiltIn(name: "ps", usage: "ps", summary: "processes and kernel threads") { _, _, _ in
      Listing.showProcesses()
    },
    BuiltIn(name: "mem", usage: "mem", summary: "what memory is used for") { _, _, _ in
      Listing.showMemory()
    },
    BuiltIn(name: "cpu", usage: "cpu", summary: "what CPUID says") { _, _, _ in Listing.showCPU() },
    BuiltIn(name: "dmesg", usage: "dmesg", summary: "the kernel's log") { _, _, _ in
      Listing.showLog()
    },
    BuiltIn(name: "uptime", usage: "uptime", summary: "time since boot") { _, _, _ in
      Listing.showUptime()
    },
    BuiltIn(name: "ls", usage: "ls", summary: "programs and initial modules") { _, _, _ in
      Listing.showFiles()
    },
    BuiltIn(name: "cat", usage: "cat FILE", summary: "a module's contents") { _, words, _ in
      Listing.show(file: words.first)
    },
    BuiltIn(name: "echo", usage: "echo WORDS", summary: "prints them") { _, words, _ in
      say(bytes: Array(words.joined(separator: [0x20])) + [0x0a])
    },
    BuiltIn(
      name: "run", usage: "run PROGRAM [ARGUMENTS] [&]", summary: "runs a program; so does its name"
    ) { shell, words, inBackground in
      shell.start(words, inBackground: inBackground)
    },
    BuiltIn(name: "jobs", usage: "jobs", summary: "programs in the background") { shell, _, _ in
      shell.reportEndedJobs()
      for job in shell.jobs { say("[\(job.pid)] \(text: job.name)\n") }
    },
    BuiltIn(name: "wait", usage: "wait", summary: "until background programs have ended") {
      shell, _, _ in
      while !shell.jobs.isEmpty {
        guard case (.success(let pid), let status) = System.wait(0, noHang: false) else { return }
        shell.jobHasEnded(Int(pid), status)
      }
    },
    BuiltIn(name: "kill", usage: "kill PID", summary: "ends a process") { _, words, _ in
      kill(words)
    },
    BuiltIn(name: "history", usage: "history", summary: "the lines typed") { shell, _, _ in
      for (index, line) in shell.editor.history.enumerated() {
        say("\(index + 1, width: 4)  \(text: line)\n")
      }
    },
    BuiltIn(name: "clear", usage: "clear", summary: "empties the screen") { _, _, _ in
      say("\u{1b}[H\u{1b}[2J")
    },
    BuiltIn(name: "poweroff", usage: "poweroff", summary: "turns the machine off") { _, _, _ in
      System.power(.off)
    },
    BuiltIn(name: "reboot", usage: "reboot", summary: "starts the machine again") { _, _, _ in
      System.power(.reboot)
    },
    BuiltIn(
      name: "panic", usage: "panic [stack|null|smap|smep]",
      summary: "stops the kernel, with a backtrace"
    ) { _, words, _ in
      panic(words.first)
    },
  ]
}

private func kill(_ words: [[UInt8]]) {
  guard let pid = words.first?.decimal else {
    say("usage: kill PID\n")
    return
  }
  if case .failure(let error) = System.kill(pid) { say("kill: \(error.name)\n") }
}

private func panic(_ kind: [UInt8]?) {
  guard let kind else { return System.power(.panic) }
  if kind.equals("stack") {
    System.power(.overflowStack)
  } else if kind.equals("null") {
    System.power(.nullPointer)
  } else if kind.equals("smap") {
    System.power(.readUser)
  } else if kind.equals("smep") {
    System.power(.runUser)
  } else {
    say("usage: panic [stack|null|smap|smep]\n")
  }
}

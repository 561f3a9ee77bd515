/// Protection by rings and pages, seen from outside: a child misbehaves, the parent learns how it ended.
import Apus

enum RingsDemo {
  private struct Crime {
    let kind: StaticString
    let claim: StaticString
    /// What the exception becomes.
    ///
    /// SDM Vol. 3A, "Exception and Interrupt Reference".
    let signal: UInt32
  }

  private static var crimes: [Crime] {
    [
      Crime(
        kind: "privileged", claim: "HLT is for ring 0: general protection, SIGSEGV",
        signal: 11),
      Crime(
        kind: "port", claim: "I/O ports are closed to it: general protection, SIGSEGV",
        signal: 11),
      Crime(
        kind: "kernel", claim: "a kernel page is not for it: page fault, SIGSEGV",
        signal: 11),
      Crime(
        kind: "write-text", claim: "its own code is read-only: page fault, SIGSEGV",
        signal: 11),
      Crime(
        kind: "divide", claim: "a division by zero: divide error, SIGFPE", signal: 8),
      Crime(
        kind: "ud", claim: "no instruction at all: invalid opcode, SIGILL",
        signal: 4),
    ]
  }

  static func run() -> Bool {
    Demo.say("Each line starts the program `crash` in ring 3 and waits for its end.")
    var passed = true
    for crime in crimes {
      let words = [[UInt8](text: "crash"), [UInt8](text: crime.kind)]
      guard let pid = try? Process.start(words) else { return false }
      var status: UInt32 = 0
      _ = Call.wait4(pid, &status, 0, nil)
      passed =
        Demo.check(status == 0x80 | crime.signal, "\(crime.claim)") && passed
    }
    return Demo.check(true, "and this program goes on: only the culprits ended") && passed
  }
}

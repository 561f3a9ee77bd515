import Foundation
import Testing

/// The shell as a person uses it: keys through the UART's interrupt.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct InteractiveTests {
  @Test func editingAndHistory() throws {
    let session = try QEMUSession(commandLine: "quiet debug-exit")
    #expect(session.wait(for: "apus$ "))
    #expect(session.run("echo helo\u{1b}[Dl\u{5} you").contains("hello you\r\n"))
    #expect(session.run("\u{1b}[A\u{17}there").contains("hello there\r\n"))
    #expect(session.run("hel\u{9}\u{9}lo T\u{1}\u{b}hel\u{9}lo Tab").contains("Hello, Tab!"))
    session.type("poweroff\r")
    #expect(session.end() == 33)
  }

  @Test func controlCEndsTheForegroundOnly() throws {
    let session = try QEMUSession(commandLine: "quiet debug-exit")
    #expect(session.wait(for: "apus$ "))
    let spin = try #require(session.process(in: session.run("spin &")))
    // What it says is said with the terminal as programs have it.
    session.type("echo go; crash loop\r")
    #expect(session.wait(for: "go\r\n"))
    session.type("\u{3}")
    #expect(session.wait(for: "^C\r\n"))
    #expect(session.wait(for: "apus$ "))
    let list = session.run("ps")
    #expect(list.contains(" spin"))
    #expect(!list.contains("crash"))
    let ended = session.run("kill \(spin)") + session.run("wait")
    #expect(ended.contains("[1]+ Killed by TERM     spin\r\n"))
    #expect(!session.run("ps").contains(" spin"))
    let count = try #require(session.process(in: session.run("count 100 5000 &")))
    let end = session.run("kill \(count)") + session.run("wait")
    #expect(end.contains("[1]+ Killed by TERM     count 100 5000\r\n"))
    #expect(session.run("kill 1").contains("not permitted"))
    #expect(session.run("kill 9999").contains("no such process"))
    session.type("poweroff\r")
    #expect(session.end() == 33)
  }

  /// A letter behind a BREAK is for the kernel, whoever reads the console; without one it is typed.
  @Test func aBreakMakesALetterAMagicKey() throws {
    let session = try QEMUSession(commandLine: "quiet debug-exit", hasEscape: true)
    let sendBreak = "\u{1}b"
    #expect(session.wait(for: "apus$ "))
    session.type("echo go; sleep 1000\r")
    #expect(session.wait(for: "go\r\n"))
    session.type(sendBreak + "?")
    #expect(session.wait(for: "w who waits where\r\n"))
    session.type(sendBreak + "t")
    #expect(session.wait(for: "    0 running idle\r\n"))
    // The program may still be on its way to where it waits.
    let isSeenWaiting = (0..<60).contains { _ in
      session.type(sendBreak + "w")
      return session.wait(for: "SystemCalls.clockNanosleep(", seconds: 2)
    }
    #expect(isSeenWaiting)
    session.type(sendBreak + "l")
    #expect(session.wait(for: "interrupted:\r\n"))
    // A second one withdraws the first.
    session.type(sendBreak + sendBreak + "\u{3}")
    #expect(session.wait(for: "^C\r\n"))
    #expect(session.wait(for: "apus$ "))
    session.type(sendBreak + "o")
    #expect(session.end() == 33)
  }

  @Test func waitCanBeInterrupted() throws {
    let session = try QEMUSession(commandLine: "quiet debug-exit")
    #expect(session.wait(for: "apus$ "))
    let spin = try #require(session.process(in: session.run("spin &")))
    session.type("echo go; wait\r")
    #expect(session.wait(for: "go\r\n"))
    session.type("\u{3}")
    #expect(session.wait(for: "apus$ "))
    #expect(session.run("jobs -p").contains("\n\(spin)\r\n"))
    #expect(session.run("jobs").contains("[1]+ Running            spin\r\n"))
    session.type("poweroff\r")
    #expect(session.end() == 33)
  }

  @Test func backgroundProgramsRunAtOnce() throws {
    let session = try QEMUSession(commandLine: "quiet debug-exit")
    #expect(session.wait(for: "apus$ "))
    let first = try #require(session.process(in: session.run("count 3 100 &")))
    let output = session.run("count 3 100; wait")
    #expect(output.contains("[\(first)] 3"))
    #expect(output.components(separatedBy: "] 3\r\n").count == 3)
    #expect(output.contains("[1]+ Done               count 3 100\r\n"))
    session.type("poweroff\r")
    #expect(session.end() == 33)
  }

  @Test func pipesRedirectionAndScripts() throws {
    let session = try QEMUSession(commandLine: "quiet debug-exit")
    #expect(session.wait(for: "apus$ "))
    #expect(session.run("seq 30 | grep 2 | wc -l").contains("     12\r\n"))
    #expect(
      session.run("echo one > /tmp/f; echo two >> /tmp/f; sort -r < /tmp/f").contains(
        "two\r\none\r\n"))
    #expect(session.run("nothing 2> /tmp/e; cat /tmp/e").contains("no such command"))
    #expect(session.run("false && echo no || echo yes").contains("\nyes\r\n"))
    #expect(session.run("for i in 1 2 3; do echo n$((i * i)); done").contains("n4\r\nn9\r\n"))
    #expect(session.run("f() { echo got $# $1; }; f 'a b' c").contains("got 2 a b\r\n"))
    #expect(session.run("x=$(echo inner); echo [$x]").contains("[inner]\r\n"))
    #expect(session.run("cd /bin; echo h[ae]*d").contains("head\r\n"))
    session.type("exit\r")
    #expect(session.wait(for: "The shell has ended; starting another."))
    #expect(session.wait(for: "apus$ "))
    session.type("poweroff\r")
    #expect(session.end() == 33)
  }

  @Test func longLinesAndSearchBackwards() throws {
    let session = try QEMUSession(commandLine: "quiet debug-exit")
    #expect(session.wait(for: "apus$ "))
    let long = String(repeating: "word ", count: 60)
    #expect(session.run("echo \(long)| wc -w").contains("     60\r\n"))
    _ = session.run("echo needle")
    _ = session.run("echo hay")
    #expect(session.run("\u{12}need").contains("\nneedle\r\n"))
    _ = session.run("cd /b\t")
    #expect(session.run("pwd").contains("\n/bin\r\n"))
    #expect(session.run("echo $HOM\t").contains("\n/root\r\n"))
    session.type("poweroff\r")
    #expect(session.end() == 33)
  }

  @Test func controlZStopsAndForegroundGoesOn() throws {
    let session = try QEMUSession(commandLine: "quiet debug-exit")
    #expect(session.wait(for: "apus$ "))
    session.type("echo go; cat\r")
    #expect(session.wait(for: "go\r\n"))
    session.type("before\r")
    #expect(session.wait(for: "before\r\nbefore\r\n"))
    session.type("\u{1a}")
    #expect(session.wait(for: "[1]+ Stopped            cat\r\n"))
    #expect(session.wait(for: "apus$ "))
    #expect(session.run("sleep 100 &").contains("[2] "))
    #expect(session.run("jobs").contains("[1]- Stopped "))
    session.type("fg %1\r")
    #expect(session.wait(for: "\ncat\r\n"))
    session.type("after\r")
    #expect(session.wait(for: "after\r\nafter\r\n"))
    session.type("\u{4}")
    #expect(session.wait(for: "apus$ "))
    #expect(session.run("kill %sl; wait").contains("Killed by TERM"))
    session.type("poweroff\r")
    #expect(session.end() == 33)
  }

  /// What a stopped job had made of the terminal is the shell's no more, and comes back with `fg`.
  @Test func theTerminalIsAsTheJobLeftIt() throws {
    let session = try QEMUSession(commandLine: "quiet debug-exit")
    #expect(session.wait(for: "apus$ "))
    #expect(session.run("sh -c 'stty -icanon; kill -STOP $$; stty -a'").contains("[1]+ Stopped"))
    #expect(session.run("stty -a").contains("\nicanon echo isig icrnl"))
    #expect(session.run("fg").contains("\n-icanon echo isig icrnl"))
    // It has ended by itself, so the command was for this.
    #expect(session.run("stty -a").contains("\n-icanon echo isig icrnl"))
    #expect(session.run("stty sane; stty -a").contains("\nicanon echo isig icrnl"))
    #expect(session.run("sh -c 'stty -icanon; kill $$'").contains("killed by TERM"))
    #expect(session.run("stty -a").contains("\nicanon echo isig icrnl"))
    session.type("poweroff\r")
    #expect(session.end() == 33)
  }

  @Test func anEditorStopsAndGoesOn() throws {
    let session = try QEMUSession(commandLine: "quiet debug-exit")
    #expect(session.wait(for: "apus$ "))
    session.type("vi /tmp/v\r")
    #expect(session.wait(for: "a new file"))
    session.type("ihello")
    #expect(session.wait(for: "1,6  of 1"))
    session.type("\u{1b}")
    #expect(session.wait(for: "1,5  of 1"))
    session.type("\u{1a}")
    #expect(session.wait(for: "[1]+ Stopped            vi /tmp/v"))
    #expect(session.wait(for: "apus$ "))
    #expect(session.run("echo typed").contains("\ntyped\r\n"))
    session.type("fg\r")
    #expect(session.wait(for: "1,5  of 1"))
    session.type("A!")
    #expect(session.wait(for: "1,7  of 1"))
    session.type("\u{1b}")
    #expect(session.wait(for: "1,6  of 1"))
    session.type("ZZ")
    #expect(session.wait(for: "apus$ "))
    #expect(session.run("cat /tmp/v").contains("\nhello!\r\n"))
    session.type("poweroff\r")
    #expect(session.end() == 33)
  }
}

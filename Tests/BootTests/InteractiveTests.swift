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
    #expect(session.run("spin &").contains("[4] spin"))
    session.type("crash loop\r")
    Thread.sleep(forTimeInterval: 0.3)
    session.type("\u{3}")
    #expect(session.wait(for: "^C\r\n"))
    #expect(session.wait(for: "apus$ "))
    let list = session.run("ps")
    #expect(list.contains(" spin"))
    #expect(!list.contains("crash"))
    let ended = session.run("kill 4") + session.run("wait")
    #expect(ended.contains("[4] spin killed"))
    #expect(!session.run("ps").contains(" spin"))
    _ = session.run("count 100 5000 &")
    #expect((session.run("kill 6") + session.run("wait")).contains("[6] count killed"))
    #expect(session.run("kill 1").contains("not permitted"))
    #expect(session.run("kill 99").contains("no such process"))
    session.type("poweroff\r")
    #expect(session.end() == 33)
  }

  @Test func waitCanBeInterrupted() throws {
    let session = try QEMUSession(commandLine: "quiet debug-exit")
    #expect(session.wait(for: "apus$ "))
    _ = session.run("spin &")
    session.type("wait\r")
    Thread.sleep(forTimeInterval: 0.2)
    session.type("\u{3}")
    #expect(session.wait(for: "apus$ "))
    #expect(session.run("jobs").contains("[4] spin"))
    session.type("poweroff\r")
    #expect(session.end() == 33)
  }

  @Test func backgroundProgramsRunAtOnce() throws {
    let session = try QEMUSession(commandLine: "quiet debug-exit")
    #expect(session.wait(for: "apus$ "))
    _ = session.run("run count 3 100 &")
    let output = session.run("count 3 100; wait")
    #expect(output.contains("[4] 3"))
    #expect(output.contains("[5] 3"))
    #expect(output.contains("[4] run") || output.contains("[4] count ended, exit code 0"))
    session.type("poweroff\r")
    #expect(session.end() == 33)
  }
}

/// The shell's promises, and those of the small programs: what a line prints, and how it ends.
import Apus

/// A line for the shell, what it must print, and the shell's code.
private struct Expectation {
  let line: StaticString
  let output: StaticString
  var code: Int32 = 0
}

private let statuses: [Expectation] = [
  Expectation(line: "echo x > /dev/full; echo $?", output: "1\n"),
  Expectation(line: "{ echo x; } > /dev/full; echo $?", output: "1\n"),
  Expectation(line: "echo x | cat > /dev/full; echo $?", output: "1\n"),
  Expectation(line: "echo 99 > /proc/sys/kernel/printk; echo $?", output: "1\n"),
  Expectation(line: "echo x | tee /dev/full; echo $?", output: "x\n1\n"),
  Expectation(line: "yes > /dev/full; echo $?", output: "1\n"),
  Expectation(line: "x=$(exit 4); echo $?", output: "4\n"),
  Expectation(line: "false; x=5; echo $?", output: "0\n"),
  Expectation(line: "false; x=$?; echo $x", output: "1\n"),
  Expectation(line: "if x=$(false); then echo yes; else echo no; fi", output: "no\n"),
  Expectation(line: "set -e; x=$(exit 3); echo on", output: "", code: 3),
  Expectation(line: "f() { f; }; f; echo on", output: "", code: 2),
  Expectation(line: "f() { f; f; }; f || f; echo on", output: "", code: 2),
  Expectation(line: "f() { [ $1 = 0 ] || f $(($1 - 1)); }; f 100; echo $?", output: "0\n"),
  Expectation(line: ". /dev/zero; echo $?", output: "1\n"),
  Expectation(line: "x=$(cat /dev/zero); echo $?", output: "1\n"),
  Expectation(line: "for x in 1; do true & done > f; cat f", output: ""),
  Expectation(line: "echo (", output: "", code: 2),
]

private let tools: [Expectation] = [
  Expectation(line: "dd if=/dev/zero bs=64k count=3 | wc -c", output: "  196608\n"),
  Expectation(line: "dd if=/dev/zero of=f bs=1M count=2; cat f | wc -c", output: " 2097152\n"),
  Expectation(line: "dd if=/dev/zero of=f bs=4k seek=1000000 count=1; echo $?", output: "0\n"),
  Expectation(line: "echo abc > f; dd if=/dev/null of=f; cat f", output: ""),
  Expectation(
    line: "echo abc > f; echo -n x | dd of=f conv=notrunc seek=1 bs=1; cat f", output: "axc\n"),
  Expectation(line: "dd if=/dev/null bs=much", output: "", code: 2),
  Expectation(line: "echo abcdef | head -c 3", output: "abc"),
  Expectation(line: "{ echo 1; echo 2; echo 3; } | head -2", output: "1\n2\n"),
  Expectation(line: "{ echo 1; echo 2; echo 3; } | tail -1", output: "3\n"),
  Expectation(line: "{ echo 1; echo 2; echo 3; } | tail -n +2", output: "2\n3\n"),
  Expectation(line: "{ echo 1; echo 2; echo 3; } | tail -c 4", output: "2\n3\n"),
  Expectation(line: "head -n many /dev/null", output: "", code: 2),
  Expectation(line: "echo abcdef | cut -c 2-3,5-", output: "bcef\n"),
  Expectation(line: "echo a:b:c:d | cut -d : -f 1,3-4", output: "a:c:d\n"),
  Expectation(line: "echo a | cut -c 0", output: "", code: 2),
  Expectation(line: "echo Hello | tr a-z A-Z", output: "HELLO\n"),
  Expectation(line: "echo Hello | tr '[:upper:]' '[:lower:]'", output: "hello\n"),
  Expectation(line: "echo hello | tr -d l", output: "heo\n"),
  Expectation(line: "echo aabbcc | tr -s ab", output: "abcc\n"),
  Expectation(line: "echo 'a b' | tr ' ' '\\n'", output: "a\nb\n"),
  Expectation(line: "echo a1b2 | tr -cd '0-9'", output: "12"),
  Expectation(
    line: "mkdir -p d/e; touch d/f d/e/g; ls -R d; rm -r d",
    output: "d:\ne\nf\n\nd/e:\ng\n"),
  Expectation(line: "df / | tail -1 | cut -c 1-5", output: "ramfs\n"),
  Expectation(line: "df | grep -c '^devtmpfs'", output: "1\n"),
  Expectation(line: "df | grep -c '^proc'", output: "0\n", code: 1),
  Expectation(
    line: "echo usertests says hello > /dev/kmsg; dmesg | tail -1 | grep -c 'says hello'",
    output: "1\n"),
  Expectation(line: "dmesg -c > /dev/null; dmesg", output: ""),
  Expectation(
    line: "p=/proc/sys/kernel/printk; x=$(cat $p); dmesg -n 2; cat $p; echo $x > $p",
    output: "2\n"),
  Expectation(line: "dmesg -n 9", output: "", code: 2),
]

let toolTests: [UserTest] = [
  UserTest(name: "shell-status") { check in inScratch(check) { run(statuses, check) } },
  UserTest(name: "tools") { check in inScratch(check) { run(tools, check) } },
]

private func run(_ expectations: [Expectation], _ check: Check) {
  for expected in expectations {
    do throws(SystemError) {
      let (output, status) = try shell(literal(expected.line))
      check.expect(output == literal(expected.output), "\(expected.line): printed \(text: output)")
      check.expect(
        status == .exited(code: expected.code),
        "\(expected.line): ended with \(status.shellCode) instead of \(expected.code)")
    } catch {
      check.succeeds(.failure(error), "\(expected.line)")
    }
  }
}

/// What a line prints to its standard output; complaints are not wanted.
private func shell(
  _ line: [UInt8]
) throws(SystemError) -> (output: [UInt8], status: WaitStatus) {
  let pipe = try Descriptor.pipe(.closeOnExec)
  let pid = try Process.fork()
  if pid == 0 {
    do throws(SystemError) {
      try pipe.writing.duplicate(as: .output)
      try (try Descriptor.open(literal("/dev/null"), .writeOnly)).duplicate(as: .error)
    } catch {
      System.exitNow(125)
    }
    _ = Process.execute(literal("/bin/sh"), [literal("sh"), literal("-c"), line])
    System.exitNow(126)
  }
  try pipe.writing.close()
  defer { _ = Call.close(pipe.reading.rawValue) }
  let output = try pipe.reading.readAll()
  return (output, try Process.wait(for: pid).status)
}

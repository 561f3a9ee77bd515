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
  Expectation(
    line: """
      echo ut-one > /dev/kmsg; dmesg -w > f & until grep -q ut-one f; do sleep 0.05; done
      echo ut-two > /dev/kmsg; until grep -q ut-two f; do sleep 0.05; done
      kill $!; wait; grep -c ut- f
      """, output: "2\n"),
  Expectation(line: "dmesg -c > /dev/null; dmesg", output: ""),
  Expectation(
    line: "p=/proc/sys/kernel/printk; x=$(cat $p); dmesg -n 2; cat $p; echo $x > $p",
    output: "2\n"),
  Expectation(line: "dmesg -n 9", output: "", code: 2),
  Expectation(line: "printf 'ab\\nAC\\nb\\n' > f; grep -ni '^a.' f", output: "1:ab\n2:AC\n"),
  Expectation(line: "printf 'a1\\na22\\nb\\n' | grep -E '^(a|b)[0-9]{2}?$'", output: "a22\nb\n"),
  Expectation(line: "printf 'a.c\\nabc\\n' | grep -F a.c", output: "a.c\n"),
  Expectation(line: "printf 'x-y\\nxy\\n' | grep -cw x; echo xx | grep -vx x", output: "1\nxx\n"),
  Expectation(
    line: "mkdir -p d/e; echo hit > d/e/f; grep -r hi d; grep -rl hi d; rm -r d",
    output: "d/e/f:hit\nd/e/f\n"),
  Expectation(line: "echo a1b22 | grep -o '[0-9]*'", output: "1\n22\n"),
  Expectation(line: "grep '\\(' f", output: "", code: 2),
  Expectation(line: "printf 'b 2\\na 10\\nc 1\\n' | sort -k 2n", output: "c 1\nb 2\na 10\n"),
  Expectation(
    line: "printf 'b:1\\na:2\\nc:1\\n' | sort -t : -k 2,2r -k 1", output: "a:2\nb:1\nc:1\n"),
  Expectation(line: "printf '2\\n10\\n1\\n2\\n' | sort -rnu", output: "10\n2\n1\n"),
  Expectation(
    line: "printf '1K\\n2M\\n3\\n' | sort -h; printf 'b\\na\\n' | sort -c", output: "3\n1K\n2M\n",
    code: 1),
  Expectation(
    line: "touch a b; mkdir d; ls -F; ls -r; ls -d d; rm -r a b d",
    output: "a\nb\nd/\nf\nf\nd\nb\na\nd\n"),
  Expectation(
    line: "echo 12345 > g; ls -l g | tr -s ' ' | cut -d ' ' -f 1-5; rm g",
    output: "-rw-r--r-- 1 root root 6\n"),
  Expectation(line: "x=$(date +%Y%j); [ ${#x} = 7 ] && [ $(date +%s) -gt 1000000000 ]", output: ""),
  Expectation(line: "ls -Z", output: "", code: 2),
  Expectation(line: "mkdir", output: "", code: 2),
]

private let moreTools: [Expectation] = [
  Expectation(
    line: "printf 'a b\\nc d\\n' > f; sed 's/\\(.\\) \\(.\\)/\\2 \\1/' f", output: "b a\nd c\n"),
  Expectation(
    line: "seq 5 | sed -n '2,4{/3/!p;}'; seq 3 | sed '$!N;s/\\n/+/'", output: "2\n4\n1+2\n3\n"),
  Expectation(
    line: "sed -i s/a/x/ f; cat f; sed -E 's/(c|x)+/<&>/' f", output: "x b\nc d\n<x> b\n<c> d\n"),
  Expectation(line: "sed 's/a' f", output: "", code: 2),
  Expectation(
    line: "seq 4 > f; seq 5 | sed s/2/two/ > g; diff f g",
    output: "2c2\n< 2\n---\n> two\n4a5\n> 5\n", code: 1),
  Expectation(line: "diff -u f f && cmp f f && cmp -s f g", output: "", code: 1),
  Expectation(
    line: "diff -u f g | tail -n +3", output: "@@ -1,4 +1,5 @@\n 1\n-2\n+two\n 3\n 4\n+5\n"),
  Expectation(
    line: "mkdir -p d/e; echo x > d/f; touch d/e/g; find d -type f -name '[fg]' | sort",
    output: "d/e/g\nd/f\n"),
  Expectation(
    line: "find d -empty; find d ! -type d -exec echo {} \\; | sort", output: "d/e/g\nd/e/g\nd/f\n"),
  Expectation(
    line: "find d -maxdepth 1 -size +0c -type f; find d -delete; ls d", output: "d/f\n", code: 1),
  Expectation(
    line: "mkfifo p; echo through > p & cat p; wait; [ -p p ] && rm p", output: "through\n"),
  Expectation(
    line: "mknod n c 1 3; echo x > n; ls -l n | cut -c 1; rm n; mknod n x", output: "c\n", code: 2),
  Expectation(
    line: "env -i a=1 /bin/env; env -u PATH sh -c 'echo ${PATH-none}'", output: "a=1\n/bin\n"),
  Expectation(
    line: "seq 5 | xargs -n 2; echo a b | xargs -I % echo '<%>'; xargs -r echo no < /dev/null",
    output: "1 2\n3 4\n5\n<a b>\n"),
  Expectation(
    line: "which cat nosuch; basename /a/b.c .c; dirname /a/b.c c", output: "/bin/cat\nb\n/a\n.\n"),
  Expectation(line: "which nosuch", output: "", code: 1),
  Expectation(line: "kill -l 15; kill -l 143", output: "TERM\nTERM\n"),
  Expectation(line: "echo abc > f; du f | cut -f 2; stat f | grep -c 'size: 4,'", output: "f\n1\n"),
  Expectation(line: "seq 3 | more; stty -a < /dev/null", output: "1\n2\n3\n", code: 1),
  Expectation(
    line: """
      tail -n 1 -f f > g & until grep -q abc g; do sleep 0.05; done; echo more >> f
      until grep -q more g; do sleep 0.05; done; kill $!; wait; cat g
      """, output: "abc\nmore\n"),
]

private let language: [Expectation] = [
  Expectation(line: "echo $((x = 3, x *= 2)) $x $((0x10)) ${#x} ${x%6}7", output: "6 6 16 1 7\n"),
  Expectation(
    line: "x=1; f() { local x=9; echo $x $1; return 3; }; f a; echo $? $x", output: "9 a\n3 1\n"),
  Expectation(line: "trap 'echo bye' EXIT; echo on; exit 4", output: "on\nbye\n", code: 4),
  Expectation(line: "trap 'echo got' USR1; kill -USR1 $$; echo on", output: "got\non\n"),
  Expectation(
    line: "sh -c 'trap \"\" TERM; kill $$; trap - TERM; kill $$'; echo $?", output: "143\n"),
  Expectation(line: "(trap 'echo in' EXIT; :); trap 'echo out' 0", output: "in\nout\n"),
  Expectation(line: "printf '%-3s|%03d|%x\\n' a 7 255 b 8 16", output: "a  |007|ff\nb  |008|10\n"),
  Expectation(line: "x=1; cat <<E\n$x $(echo y) \\$x\nE", output: "1 y $x\n"),
  Expectation(line: "x=1; cat <<'E'\n$x\nE", output: "$x\n"),
  Expectation(line: "exec 3>f; echo a >&3; exec 3>&- 4<&-; cat f", output: "a\n"),
  Expectation(line: "echo ab > f; exec 3<>f; read x <&3; echo $x", output: "ab\n"),
  Expectation(line: "echo a >&9; echo $?", output: "1\n"),
  Expectation(
    line: "command -v cat cd if; type nosuch; echo $?", output: "/bin/cat\ncd\nif\n127\n"),
  Expectation(line: "cd() { echo no; }; command cd /; pwd; cd", output: "/\nno\n"),
  Expectation(
    line: "echo ${a-b} ${a:=c} $a ${a+d}; : ${b?}; echo on", output: "b c c d\n", code: 2),
  Expectation(
    line: "set -- a 'b c'; f() { echo $#; }; f \"$@\"; f; set --; f \"$@\"", output: "2\n0\n0\n"),
  Expectation(line: "IFS=:; p=a::b; for d in $p; do echo \"<$d>\"; done", output: "<a>\n<>\n<b>\n"),
  Expectation(
    line: "set -e; if false; then :; fi; false || true; ! true; echo on; false; echo no",
    output: "on\n", code: 1),
  Expectation(line: "set -u; echo $nothing; echo no", output: "", code: 2),
  Expectation(line: "set -f; echo *; set +f -C; echo a > f; echo b > f; echo $?", output: "*\n1\n"),
  Expectation(line: "echo 'a b\\c d' | { read -r x y; echo \"$x|$y\"; }", output: "a|b\\c d\n"),
  Expectation(
    line: "while getopts ab: o -a -bx y; do echo $o$OPTARG; done; echo $OPTIND",
    output: "a\nbx\n3\n"),
  Expectation(line: "sh -c 'exit 7' & wait $!; echo $?; wait 99999; echo $?", output: "7\n127\n"),
  Expectation(line: "sleep 60 & kill %1; wait %1; echo $?", output: "143\n"),
  Expectation(line: "printf 'read x\\nline\\necho got $x\\n' | sh", output: "got line\n"),
  Expectation(
    line: "x=1; x=2 sh -c 'echo $x'; echo $x; x=3 eval; x=4 :; echo $x", output: "2\n1\n4\n"),
  Expectation(line: "x=0; echo $((x += 1)) | cat; echo $x", output: "1\n0\n"),
  Expectation(
    line: "f() ( exit 5 ); f; echo $?; readonly r=1; r=2; echo no", output: "5\n", code: 2),
  Expectation(line: "case abc in x|a*c) echo 1;; *) echo 2;; esac", output: "1\n"),
  Expectation(
    line: "umask 027; rm -f f; echo > f; [ ! -x f ] && ls -l f | cut -c 1-10",
    output: "-rw-r-----\n"),
  Expectation(
    line: "[ '(' = '(' ] && [ ! -e no -a -d / ] && [ a \\< b ] && echo y; [ 1 -eq x ]",
    output: "y\n", code: 2),
  Expectation(line: "sh -x -c 'x=1 echo \"a b\"' 2>&1", output: "+ x=1 echo 'a b'\na b\n"),
  Expectation(line: "sh -Z; sh -o nothing", output: "", code: 2),
]

let toolTests: [UserTest] = [
  UserTest(name: "shell-language") { check in inScratch(check) { run(language, check) } },
  UserTest(name: "shell-status") { check in inScratch(check) { run(statuses, check) } },
  UserTest(name: "tools") { check in inScratch(check) { run(tools, check) } },
  UserTest(name: "text-tools") { check in inScratch(check) { run(moreTools, check) } },
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

import Foundation
import GuestKernel
import Testing

/// Modules, tracing and what the kernel says about its mishaps, in QEMU on one processor and on four.
@Suite(.enabled(if: QEMU.isPresent, "qemu-system-x86_64 is not installed"), .serialized)
struct KernelToolsTests {
  static let names = [
    "modules", "module-signature", "tracepoints", "kprobe", "perf", "script", "rate-limit", "oops",
  ]

  @Test(arguments: ["1", "4"]) func everyDemonstrationPasses(processors: String) throws {
    let commands = Self.names.map { "demo \($0)" }.joined(separator: "; ")
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"\(commands)\" exit debug-exit", extra: ["-smp", processors])
    #expect(run.status == 33)
    for name in Self.names {
      #expect(run.output.contains("demo \(name): passed"), "\(name):\n\(run.output)")
    }
    #expect(!run.output.contains("PANIC"))
  }

  @Test func modulesComeByOptionAndByCommand() throws {
    let commands = "lsmod; modprobe hello count=2; rmmod counter; rmmod counter_user; lsmod; dmesg"
    let run = try QEMU.boot(
      commandLine: "quiet modules=counter_user,beat cmd=\"\(commands)\" exit debug-exit")
    #expect(run.status == 33)
    #expect(run.output.contains("1 counter_user,"))
    #expect(run.output.components(separatedBy: "Hello, world, from a module").count == 3)
    #expect(run.output.contains("cannot remove counter"))
  }

  @Test(arguments: ["null", "trap", "code"]) func aCrashInAModuleEndsItOnly(kind: String) throws {
    let commands = "insmod /lib/modules/mishap.ko kind=\(kind); cat /proc/tainted; hello"
    let run = try QEMU.boot(commandLine: "quiet cmd=\"\(commands)\" exit debug-exit")
    #expect(run.status == 33)
    #expect(run.output.contains("module_init + "))
    #expect(run.output.contains("[mishap]"))
    #expect(run.output.contains("Hello, world!"))
    #expect(!run.output.contains("PANIC"))
  }

  /// An open file holds the module, whatever its driver does; a closed one no longer.
  @Test func aModuleInUseStays() throws {
    let commands = """
      modprobe mailbox; exec 3< /dev/mailbox; lsmod; rmmod mailbox; echo still > /dev/mailbox; \
      cat /dev/mailbox; exec 3<&-; rmmod mailbox && echo gone; lsmod
      """
    let run = try QEMU.boot(commandLine: "quiet cmd=\"\(commands)\" exit debug-exit")
    #expect(run.status == 33, "\(run.output)")
    #expect(run.output.contains(#/mailbox +\d+ +1\R/#), "\(run.output)")
    #expect(run.output.contains("cannot remove mailbox: busy"), "\(run.output)")
    #expect(run.output.contains("STILL"), "\(run.output)")
    #expect(run.output.contains(#/\Rgone\R/#), "\(run.output)")
  }

  /// Its files in /proc and /sys are its code and its variables: they hold it, too, and go with it.
  @Test func aModuleWhoseReportIsOpenStays() throws {
    let commands = """
      modprobe mailbox; echo hello > /dev/mailbox; cat /proc/mailbox; \
      exec 3< /proc/mailbox; rmmod mailbox || echo held; \
      exec 3< /sys/module/mailbox/parameters/capacity; rmmod mailbox || echo kept; exec 3<&-; \
      rmmod mailbox && cat /proc/mailbox; modprobe mailbox; cat /proc/mailbox; rmmod mailbox && echo gone
      """
    let run = try QEMU.boot(commandLine: "quiet cmd=\"\(commands)\" exit debug-exit")
    #expect(run.status == 33, "\(run.output)")
    let said = [
      "a letter of 6 bytes", "held", "kept", "/proc/mailbox: ", "a letter of 0 bytes", "gone",
    ]
    var rest = run.output[...]
    for text in said {
      let place = rest.range(of: text)
      #expect(place != nil, "\(text): \(run.output)")
      if let place { rest = rest[place.upperBound...] }
    }
    #expect(!run.output.contains("oops"), "\(run.output)")
  }

  /// Reports are made on a large stack: who crashes there leaves it to others.
  @Test func aCrashInAReportLeavesItsStack() throws {
    let crashes = Array(repeating: "cat /proc/mishap; ", count: 8).joined()
    let commands = """
      insmod /lib/modules/mishap.ko kind=report; grep KernelStack /proc/meminfo; \(crashes) \
      sleep 1; grep KernelStack /proc/meminfo
      """
    let run = try QEMU.boot(commandLine: "quiet cmd=\"\(commands)\" exit debug-exit")
    #expect(run.status == 33, "\(run.output)")
    let sizes = run.output.matches(of: #/KernelStack: +(\d+) kB/#).compactMap { Int($0.1) }
    // Each is 24 KiB; a few are waiting to be used again.
    #expect(sizes.count == 2 && sizes[1] - sizes[0] < 4 * 24, "\(run.output)")
  }

  /// What the thread held that died in it comes back.
  @Test(arguments: ["1", "4"]) func aModuleWhoseReportCrashedCanGo(processors: String) throws {
    let commands = """
      insmod /lib/modules/mishap.ko kind=report; cat /proc/mishap; cat /proc/mishap; lsmod; \
      rmmod mishap && echo gone; cat /proc/mishap || hello
      """
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"\(commands)\" exit debug-exit", extra: ["-smp", processors])
    #expect(run.status == 33, "\(run.output)")
    #expect(run.output.contains(#/mishap +\d+ +0\s/#), "\(run.output)")
    #expect(run.output.contains(#/\Rgone\R/#), "\(run.output)")
    #expect(run.output.contains("Hello, world!") && !run.output.contains("PANIC"), "\(run.output)")
  }

  /// /etc/modules is a list as well; who is on the blacklist does not come, however it is asked for.
  @Test func whatMayComeIsSaidAtBoot() throws {
    let commands = """
      trace on module_load; modprobe counter_user; insmod /lib/modules/mishap.ko; modprobe mishap; \
      insmod /lib/modules/beat.ko; trace; cat /sys/module/counter/refcnt; \
      cat /sys/module/hello/parameters/count; modinfo counter_user
      """
    let run = try QEMU.boot(
      commandLine: """
        quiet modules=hello,mishap hello.count=3 module_blacklist=mishap module.sig_enforce \
        cmd="\(commands)" exit debug-exit
        """)
    #expect(run.status == 33, "\(run.output)")
    #expect(run.output.contains("cannot insert /lib/modules/mishap.ko"), "\(run.output)")
    #expect(run.output.contains(#/module_load: \S+/#), "\(run.output)")
    #expect(run.output.contains(#/refcnt\R1\R/#), "\(run.output)")
    #expect(run.output.contains(#/count\R3\R/#), "\(run.output)")
    #expect(run.output.contains(#/depends: +counter\b/#), "\(run.output)")
    #expect(!run.output.contains("PANIC"), "\(run.output)")
  }

  @Test func anAssertionSaysWhatWasExpected() throws {
    let run = try QEMU.boot(
      commandLine: "quiet cmd=\"echo e > /proc/mishaps\" exit debug-exit", extra: ["-smp", "2"])
    #expect(
      run.output.contains("expected that the number of processors is 2, found 3"),
      "\(run.output)")
    #expect(run.output.contains("SystemRequests.swift:"), "\(run.output)")
  }

  @Test func backtracesNameAModulesFunctionsAsItsSourceDoes() throws {
    let run = try QEMU.boot(
      commandLine: "quiet modules=mishap mishap.kind=stack debug-exit", extra: ["-smp", "2"])
    #expect(run.output.contains("recurse(_:) + "), "\(run.output)")
    #expect(!run.output.contains("$e6mishap"), "\(run.output)")
  }

  @Test func anOopsCanBeMadeAPanic() throws {
    let run = try QEMU.boot(
      commandLine: "quiet oops=panic modules=mishap mishap.kind=null debug-exit",
      extra: ["-smp", "4"])
    #expect(run.status == 0x01 << 1 | 1)
    #expect(run.output.contains("PANIC"))
    #expect(run.output.contains("module_init + "))
    #expect(run.output.components(separatedBy: "Processor ").count == 4)
  }
}

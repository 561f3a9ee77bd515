/// Every option of the kernel command line in one sentence each: what `help boot` prints.
///
/// A test compares the list with what `BootOptions` and its parts read, in both directions.
package struct BootOptionList {
  /// One option, or a few that belong together.
  package let usage: StaticString
  package let meaning: StaticString
  /// Words as they may stand on a command line.
  package let examples: StaticString

  private init(_ usage: StaticString, _ meaning: StaticString, examples: StaticString) {
    self.usage = usage
    self.meaning = meaning
    self.examples = examples
  }

  package static let all: [BootOptionList] = start + checks + protection + debugging + modules

  private static let start: [BootOptionList] = [
    BootOptionList("quiet", "no boot messages on the console", examples: "quiet"),
    BootOptionList(
      "cmd=\"A; B\"", "the shell begins with these commands", examples: "cmd=\"ps; mem\""),
    BootOptionList("exit", "power-off when they have ended", examples: "exit"),
    BootOptionList(
      "init=PROGRAM, run=PROGRAM", "instead of init and the shell", examples: "init=sh run=hello"),
    BootOptionList("login", "asks who is there before there is a shell", examples: ""),
    BootOptionList(
      "debug-exit", "end through port 0xF4: 0x10 at power-off, 0x01 after a panic",
      examples: "debug-exit"),
    BootOptionList("noapic", "the 8259s even where there is an IOAPIC", examples: "noapic"),
    BootOptionList(
      "nosmp, maxcpus=N", "no other processors, or N altogether", examples: "nosmp maxcpus=2"),
  ]

  private static let checks: [BootOptionList] = [
    BootOptionList("selftest", "the kernel checks itself first", examples: "selftest"),
    BootOptionList(
      "lockdep", "every lock is checked for an order that could deadlock", examples: "lockdep"),
    BootOptionList(
      "slabdebug", "red zones, patterns and callers for every object", examples: "slabdebug"),
    BootOptionList(
      "stackusage", "logs calls that use more of a kernel stack than any before",
      examples: "stackusage"),
    BootOptionList(
      "failures=every=N", "memory is refused on purpose, see /proc/failures",
      examples: "failures=every=100"),
    BootOptionList(
      "fault=A,B", "the kernel makes mistakes that usertests must find",
      examples: "fault=fork-leak,wait-lie"),
    BootOptionList("announce", "tells emu which thread runs, for timelines", examples: "announce"),
  ]

  private static let protection: [BootOptionList] = [
    BootOptionList(
      "kaslr, kaslr=SEED", "where things lie is chosen at boot", examples: "kaslr kaslr=7"),
    BootOptionList(
      "pti=on, pti=off", "whether programs' page tables leave the kernel out",
      examples: "pti=on pti=off"),
    BootOptionList(
      "without=A,B", "leaves options of kernel.config out, if built with VARIABLE",
      examples: "without=SWAP"),
  ]

  private static let debugging: [BootOptionList] = [
    BootOptionList(
      "loglevel=N", "what is more urgent than N appears on the console", examples: "loglevel=4"),
    BootOptionList(
      "panic=N, panic=reboot", "restart after a panic, N seconds later",
      examples: "panic=5 panic=reboot"),
    BootOptionList(
      "oops=panic", "stop the kernel where only a thread would end", examples: "oops=panic"),
    BootOptionList(
      "trace=A,B", "records these events from the beginning", examples: "trace=sched_switch"),
    BootOptionList(
      "kgdb, kgdb=com1, kgdb=com2", "a debugger may attach to that serial port",
      examples: "kgdb kgdb=com1 kgdb=com2"),
    BootOptionList("kgdbwait", "and the boot waits for it", examples: "kgdbwait"),
  ]

  private static let modules: [BootOptionList] = [
    BootOptionList("modules=A,B", "loads modules before the first program", examples: "modules=a"),
    BootOptionList(
      "MODULE.NAME=VALUE", "a parameter of a module, when it is loaded", examples: "a.size=3"),
    BootOptionList(
      "module_blacklist=A,B", "never loads these", examples: "module_blacklist=a,b"),
    BootOptionList(
      "module.sig_enforce", "refuses modules without a good signature",
      examples: "module.sig_enforce"),
  ]
}

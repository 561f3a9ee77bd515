import Debugger
import Emulator
import TestImages
import Testing

@Suite struct MonitorRunningTests {
  @Test func stepsGoForwardsAndBackwards() throws {
    let run = try MonitorFixture.summing()
    #expect(run("where").contains("0: CPL 0, 0x100000 <main>"))
    #expect(run("step").contains("1: CPL 0, 0x100005 <main+0x5>"))
    #expect(run("s 2").contains("<add>"))
    #expect(run("").hasPrefix("5:"))
    #expect(run("reverse-step 5").contains("0: CPL 0, 0x100000"))
    #expect(run("rs").contains("the recorded history begins here"))
  }

  @Test func anEmptyLineRepeats() throws {
    let run = try MonitorFixture.summing()
    run("step")
    #expect(run("").hasPrefix("2:"))
    run("when")
    #expect(run("") == "")
  }

  @Test func nextTakesCallsAsAWhole() throws {
    let run = try MonitorFixture.summing()
    run("step 2")
    #expect(run("next").contains("5: CPL 0, 0x10000c"))
    #expect(run("print $rax") == "0xa = 10")
    #expect(run("reverse-next").contains("2: CPL 0, 0x100007"))
    #expect(run("print eax") == "0x0 = 0")
  }

  @Test func breakpointsStopAndCount() throws {
    let run = try MonitorFixture.summing()
    #expect(run("break add") == "breakpoint 1: 0x100020 <add>")
    #expect(run("c").hasPrefix("breakpoint 1: add\n3: CPL 0, 0x100020 <add>"))
    #expect(run("info").contains("met 1 times"))
    run("ignore 1 3")
    #expect(run("c").contains("\n23: "))
    run("disable 1")
    #expect(run("continue").contains("the guest switched the power off"))
    #expect(run("reverse-continue").contains("the recorded history begins here"))
    run("enable")
    #expect(run("rc").contains("the recorded history begins here"))
    run("goto end")
    #expect(run("rc").contains("breakpoint 1"))
    #expect(run("p $ecx") == "0x1 = 1")
    run("delete 1")
    #expect(run("info break") == "no breakpoints")
    #expect(run("delete 1") == "error: there is no breakpoint 1")
  }

  @Test func conditionsAreComputedAtTheBreakpoint() throws {
    let run = try MonitorFixture.summing()
    run("break add if $ecx == 4 && eax > 0x10")
    #expect(run("c").contains("<add>"))
    #expect(run("p ecx") == "0x4 = 4")
    #expect(run("tbreak 0x100010 if [0x102000:4] == 0").contains("breakpoint 2"))
    #expect(run("c").contains("0x100010"))
    #expect(!run("info").contains("0x100010"))
    #expect(run("break add if nothing").hasPrefix("error: there is no symbol `nothing`"))
    #expect(run("break add in here cpu 0").contains("breakpoint 3"))
    #expect(run("break add cpu 1") == "error: there is no processor 1")
  }

  @Test func watchpointsSayWho() throws {
    let run = try MonitorFixture.summing()
    #expect(run("watch 0x102000 4").contains("writes of 4 bytes"))
    let text = run("c")
    #expect(text.contains("0x100010 <main+0x10> wrote 4 bytes at 0x102000"))
    #expect(run("p [0x102000:4]") == "0x37 = 55")
    #expect(run("last-write 0x102000 4").contains("0x100010 <main+0x10> wrote 4 bytes"))
    #expect(run("last-write phys 0x102000 4").contains("wrote"))
    #expect(run("lw 0x103000").contains("not written since 0"))
    run("delete")
    run("rwatch phys 0x100000 4")
    #expect(run("info").contains("reads of 4 bytes at physical 0x100000"))
  }

  @Test func finishAndUntilGoBothWays() throws {
    let run = try MonitorFixture.summing()
    run("break add")
    run("c")
    run("delete")
    #expect(run("finish").contains("0x10000c"))
    #expect(run("rs").contains("0x100022"))
    #expect(run("reverse-finish").contains("2: CPL 0, 0x100007"))
    #expect(run("until 0x100010").contains("0x100010"))
    #expect(run("p eax") == "0x37 = 55")
    #expect(run("ru add").contains("<add>"))
    #expect(run("p ecx") == "0x1 = 1")
    run("goto 0")
    #expect(run("until add if ecx == 7").contains("<add>"))
    #expect(run("p ecx") == "0x7 = 7")
    #expect(run("finish 3").contains("0x10000c"))
  }

  @Test func timeIsTravelled() throws {
    let run = try MonitorFixture.summing()
    run("goto 7")
    run("save there")
    let place = run("where")
    run("c")
    #expect(run("when").contains("history reaches from 0 to"))
    #expect(run("restore there").contains(place.split(separator: "\n")[0]))
    run("goto +3")
    #expect(run("when").hasPrefix("instruction 10,"))
    run("goto -5")
    #expect(run("when").hasPrefix("instruction 5,"))
    #expect(run("when").contains("this is the past"))
    #expect(run("goto there").hasPrefix("7:"))
    #expect(run("save").contains("there: 7, "))
    #expect(run("restore nowhere").hasPrefix("error:"))
    #expect(run("goto").hasPrefix("error:"))
  }

  @Test func historyShowsWhatWasExecuted() throws {
    let run = try MonitorFixture.summing()
    run("goto 9")
    let text = run("history 4")
    #expect(text.contains("exceptions and interrupts:\n  none"))
    #expect(text.contains("0x10000e <main+0xe> -> 0x100007 <main+0x7>"))
    #expect(text.contains("8  0x100020 <add>  add eax, ecx"))
    #expect(run("where").hasPrefix("9:"))
  }

  @Test func registersAndMemoryCanBeChanged() throws {
    let run = try MonitorFixture.summing()
    run("step")
    #expect(run("set $ecx = 3").hasPrefix("error:"))
    run("set $rcx = 3")
    run("set [0x102010:2] = 0x1234")
    run("set phys[0x102012:1] = 0x56")
    #expect(run("p [0x102010:4]") == "0x561234 = 5640756")
    run("until 0x100010")
    #expect(run("p eax") == "0x6 = 6")
    // What was changed is part of history.
    run("goto 0")
    run("until 0x100010")
    #expect(run("p eax") == "0x6 = 6")
    #expect(run("set [0x8000000000000:8] = 1").hasPrefix("error:"))
    #expect(run("set 5 = 1").hasPrefix("error:"))
  }

  @Test func eventsStop() throws {
    // MOV DX, 3F8h; MOV AL, 'x'; OUT DX, AL; INT3 without an IDT: shutdown.
    let run = try MonitorFixture(code: [0x66, 0xBA, 0xF8, 0x03, 0xB0, 0x78, 0xEE, 0xCC])
    #expect(run("break port 0x3f8-0x3ff").contains("access to ports 0x3f8 to 0x3ff"))
    #expect(run("c").contains("0x100007"))
    run("break #BP")
    run("break vector 8")
    run("break mode")
    run("break cpl")
    run("break cr3")
    let list = run("info")
    for text in ["delivery of #BP", "delivery of #DF", "operating mode", "privilege", "CR3"] {
      #expect(list.contains(text), "\(list)")
    }
    #expect(run("c").contains("triple fault"))
    #expect(run("diagnose").contains("#BP breakpoint"))
    #expect(run("break vector 256").hasPrefix("error:"))
    #expect(run("break port 9-3").hasPrefix("error:"))
  }

  @Test func processorsAreLookedAtOneByOne() throws {
    let run = try MonitorFixture(code: TestCode.loop, processors: 2)
    #expect(run("cpu").contains("1  was not started"))
    run("cpu 1")
    #expect(run("p $pc") == "0xfffffff0 = 4294967280")
    run("step")
    #expect(run("cpu 2") == "error: there is no processor 2")
  }
}

/// A demonstration that must run inside the kernel.
///
/// `demo NAME` runs one by the call `demo`, in the context of the program that asked. Those that a
/// program can give itself lie in User/Programs/demo.
struct KernelDemo {
  let name: StaticString
  /// One line, for the list.
  let summary: StaticString
  /// True when everything it claims was so.
  let run: () -> Bool
}

enum KernelDemos {
  static var all: [KernelDemo] {
    [
      KernelDemo(
        name: "user-copy", summary: "bad pointers from programs are errors, not faults",
        run: UserCopyDemo.run),
      KernelDemo(
        name: "interrupts", summary: "masking by the flag and by the level; nested interrupts",
        run: InterruptsDemo.run),
      KernelDemo(
        name: "rtc", summary: "the periodic interrupt of the real-time clock", run: RTCDemo.run),
      KernelDemo(
        name: "deferred-work", summary: "softirqs, tasklets and work queues: the lower halves",
        run: DeferredWorkDemo.run),
      KernelDemo(
        name: "timers", summary: "deadlines in nanoseconds, and how well they are kept",
        run: TimersDemo.run),
      KernelDemo(
        name: "processors", summary: "calls between processors, and the shootdown of TLBs",
        run: ProcessorsDemo.run),
      KernelDemo(
        name: "atomic-context", summary: "where code must not sleep, and how that is noticed",
        run: AtomicContextDemo.run),
      KernelDemo(
        name: "memory-order", summary: "store buffering, and the fence against it",
        run: MemoryOrderDemo.run),
      KernelDemo(
        name: "per-cpu", summary: "counting without a lock, each processor for itself",
        run: PerCPUDemo.run),
      KernelDemo(
        name: "vfs", summary: "what a path walk does: names, links, mounts, files without a name",
        run: VFSDemo.run),
    ] + DemoMemory.demos + kernelTools
  }

  /// Modules, and looking into the running kernel.
  private static var kernelTools: [KernelDemo] {
    [
      KernelDemo(
        name: "modules", summary: "loading code with what it depends on, and removing it",
        run: ModuleDemo.run),
      KernelDemo(
        name: "module-signature", summary: "unsigned and changed modules are refused",
        run: SignatureDemo.run),
      KernelDemo(
        name: "tracepoints", summary: "what the kernel did, in the order of time",
        run: TracepointDemo.run),
      KernelDemo(
        name: "kprobe", summary: "a breakpoint that counts, in the running kernel",
        run: ProbeDemo.run),
      KernelDemo(
        name: "perf", summary: "where the time goes, by sampling", run: SamplingDemo.run),
      KernelDemo(
        name: "script", summary: "programs that the kernel verifies before it runs them",
        run: ScriptDemo.run),
      KernelDemo(
        name: "rate-limit", summary: "a message in a loop does not fill the log", run: LogDemo.run),
      KernelDemo(
        name: "oops", summary: "a fault in the kernel that only its thread does not survive",
        run: OopsDemo.run),
    ]
  }

  /// Publishes the list as /proc/demos: a name, a tab, the summary.
  static func start() {
    ProcFS.add("demos") { text in
      for demo in all { text.append("\(demo.name)\t\(demo.summary)\n") }
    }
  }

  /// Runs the one of that name; nil when there is none.
  static func run(_ name: [UInt8]) -> Bool? {
    for demo in all where name.equals(demo.name) { return demo.run() }
    return nil
  }
}

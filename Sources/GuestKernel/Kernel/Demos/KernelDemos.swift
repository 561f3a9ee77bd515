/// A demonstration that must run inside the kernel.
///
/// `demo NAME` runs one by the call `demo`, in the context of the program that asked. Those that a
/// program can give itself lie in User/Programs/demo.
struct KernelDemo {
  let name: StaticString
  /// One line, for the list.
  let summary: StaticString
  /// The option that it shows, and whether this kernel has it.
  var needs: (option: StaticString, isThere: Bool)? = nil
  /// True when everything it claims was so.
  let run: () -> Bool

  /// The option that would have to be on.
  var missing: StaticString? { needs.flatMap { $0.isThere ? nil : $0.option } }
}

enum KernelDemos {
  static var all: [KernelDemo] {
    guard Configuration.DEMOS else { return [] }
    return [
      KernelDemo(
        name: "race", summary: "two threads, one counter: updates get lost, and a mutex cures it",
        needs: ("PREEMPTION", Configuration.PREEMPTION),
        run: RaceDemo.run),
      KernelDemo(
        name: "lock-order", summary: "the validator finds a deadlock that has not happened",
        needs: ("LOCK_VALIDATOR", Configuration.LOCK_VALIDATOR),
        run: LockOrderDemo.run),
      KernelDemo(
        name: "deadlock", summary: "a circle of waiting threads is detected", run: DeadlockDemo.run),
      KernelDemo(
        name: "philosophers", summary: "five philosophers, five forks", run: PhilosophersDemo.run),
      KernelDemo(
        name: "producer-consumer", summary: "a bounded buffer with semaphores",
        run: ProducerConsumerDemo.run),
      KernelDemo(
        name: "readers-writers", summary: "many readers or one writer", run: ReadersWritersDemo.run),
      KernelDemo(
        name: "rcu", summary: "readers without locks, and grace periods", run: RCUDemo.run),
      KernelDemo(
        name: "seqlock", summary: "reading again instead of keeping the writer out",
        run: SeqLockDemo.run),
      KernelDemo(
        name: "refcount", summary: "reference counts that notice when they go wrong",
        run: ReferenceCountDemo.run),
    ] + waiting + [
      KernelDemo(
        name: "inversion", summary: "priority inversion with and without inheritance",
        needs: ("PREEMPTION", Configuration.PREEMPTION),
        run: InversionDemo.run),
      KernelDemo(
        name: "nice", summary: "fair shares of a processor by nice value",
        needs: ("PREEMPTION", Configuration.PREEMPTION), run: NiceDemo.run),
      KernelDemo(
        name: "fifo", summary: "real-time threads starve all others",
        needs: ("PREEMPTION", Configuration.PREEMPTION), run: RealTimeDemo.run),
      KernelDemo(
        name: "round-robin", summary: "equals in real time take turns",
        needs: ("PREEMPTION", Configuration.PREEMPTION), run: RoundRobinDemo.run),
      KernelDemo(
        name: "batch", summary: "fair shares without hurry",
        needs: ("PREEMPTION", Configuration.PREEMPTION), run: BatchDemo.run),
      KernelDemo(
        name: "idle", summary: "the time that nobody else wants",
        needs: ("PREEMPTION", Configuration.PREEMPTION), run: IdlePolicyDemo.run),
      KernelDemo(
        name: "edf", summary: "earliest deadline first meets its deadlines",
        needs: ("PREEMPTION", Configuration.PREEMPTION), run: DeadlineDemo.run),
      KernelDemo(
        name: "groups", summary: "groups share first, and may have a quota",
        needs: ("PREEMPTION", Configuration.PREEMPTION), run: GroupDemo.run),
      KernelDemo(
        name: "affinity", summary: "threads spread over processors, or tied to one",
        run: AffinityDemo.run),
      KernelDemo(
        name: "threads", summary: "a thousand threads, each on two pages with a guard",
        run: ThreadsDemo.run),
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
        name: "tickless", summary: "an idle processor is not interrupted to learn that it is idle",
        run: TicklessDemo.run),
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
    ] + DemoMemory.demos + FileDemos.all + kernelTools
  }

  /// Ways to wait, and kinds of locks.
  private static var waiting: [KernelDemo] {
    [
      KernelDemo(
        name: "wait-queues", summary: "one wake-up, exclusive and shared waiters; deadlines",
        run: WaitQueueDemo.run),
      KernelDemo(
        name: "completion", summary: "\"it is done\", for one or for all", run: CompletionDemo.run),
      KernelDemo(
        name: "killable", summary: "what ends waiting for a mutex", run: KillableDemo.run),
      KernelDemo(
        name: "bottom-halves", summary: "a spinlock against tasklets", run: BottomHalvesDemo.run),
      KernelDemo(
        name: "bits", summary: "bits that several processors claim at once", run: BitsDemo.run),
      KernelDemo(
        name: "hung-task", summary: "who waits too long is reported, and for whom",
        run: HungTaskDemo.run),
      KernelDemo(
        name: "soft-lockup", summary: "a processor that gives nobody else a chance is reported",
        run: SoftLockupDemo.run),
      KernelDemo(
        name: "lock-statistics", summary: "how often and how long locks are held",
        needs: ("LOCK_STATISTICS", Configuration.LOCK_STATISTICS), run: LockStatisticsDemo.run),
    ]
  }

  /// Modules, and looking into the running kernel.
  private static var kernelTools: [KernelDemo] {
    [
      KernelDemo(
        name: "modules", summary: "loading code with what it depends on, and removing it",
        needs: ("MODULES", Configuration.MODULES),
        run: ModuleDemo.run),
      KernelDemo(
        name: "module-signature", summary: "unsigned and changed modules are refused",
        needs: ("SIGNATURES", Configuration.SIGNATURES),
        run: SignatureDemo.run),
      KernelDemo(
        name: "tracepoints", summary: "what the kernel did, in the order of time",
        needs: ("TRACING", Configuration.TRACING),
        run: TracepointDemo.run),
      KernelDemo(
        name: "kprobe", summary: "a breakpoint that counts, in the running kernel",
        needs: ("KPROBES", Configuration.KPROBES),
        run: ProbeDemo.run),
      KernelDemo(
        name: "perf", summary: "where the time goes, by sampling",
        needs: ("PERF", Configuration.PERF), run: SamplingDemo.run),
      KernelDemo(
        name: "script", summary: "programs that the kernel verifies before it runs them",
        needs: ("SCRIPTS", Configuration.SCRIPTS),
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

  static func find(_ name: [UInt8]) -> KernelDemo? {
    for demo in all where name.equals(demo.name) { return demo }
    return nil
  }
}

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
      KernelDemo(
        name: "pipe", summary: "waiting readers, an end of file, writes in one piece",
        run: PipeDemo.run),
      KernelDemo(
        name: "poll", summary: "waiting for several files at once", run: PollDemo.run),
      KernelDemo(
        name: "queue-device", summary: "a blocking device, and the race it would have without lock",
        run: QueueDeviceDemo.run),
      KernelDemo(
        name: "devices", summary: "events that fill /dev, and a driver that leaves no trace",
        run: DevicesDemo.run),
      KernelDemo(
        name: "disk-queue", summary: "requests to a disk are sorted and merged",
        run: DiskDemo.run),
      KernelDemo(
        name: "journal", summary: "a crash at every write, and what recovery makes of it",
        run: JournalDemo.run),
      KernelDemo(
        name: "file-cache", summary: "a file system on a disk: sync, journal, cache",
        run: FileCacheDemo.run),
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

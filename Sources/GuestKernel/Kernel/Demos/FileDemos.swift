/// The demonstrations of files, devices and disks.
enum FileDemos {
  static var all: [KernelDemo] {
    [
      KernelDemo(
        name: "pipe", summary: "waiting readers, an end of file, writes in one piece",
        run: PipeDemo.run),
      KernelDemo(
        name: "poll", summary: "waiting for several files at once", run: PollDemo.run),
      KernelDemo(
        name: "queue-device", summary: "a blocking device, and the race it would have without lock",
        needs: ("QUEUE_DEVICE", Configuration.QUEUE_DEVICE),
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
        needs: ("RAM_DISK", Configuration.RAM_DISK),
        run: FileCacheDemo.run),
    ]
  }
}

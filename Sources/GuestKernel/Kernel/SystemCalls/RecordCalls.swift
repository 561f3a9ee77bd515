/// Records for `ps` and `mem`.
import KernelArch

extension SystemCalls {
  static func listProcesses(_ address: UInt64, _ capacity: UInt64) -> Answer {
    var at = address
    // A process that has ended may still have a thread on its way out.
    let threads = Scheduler.threads.filter { $0.process?.status == nil }
    for (index, thread) in threads.enumerated() where UInt64(index) < capacity {
      guard UserMemory.write(record: record(of: thread), to: at) else { return fail(.badAddress) }
      at &+= UInt64(MemoryLayout<ProcessRecord>.stride)
    }
    return .success(UInt64(threads.count))
  }

  private static func record(of thread: Thread) -> ProcessRecord {
    let state: ProcessRecord.State =
      switch thread.state {
      case .new, .ready: .ready
      case .running: .running
      case .interruptible, .killable, .uninterruptible:
        thread.wakeTime == .max ? .waiting : .sleeping
      case .ended: .ended
      }
    var record = ProcessRecord()
    record.pid = UInt32(truncatingIfNeeded: thread.id)
    record.parent = UInt32(truncatingIfNeeded: thread.process?.parent ?? 0)
    record.state = state.rawValue
    record.isUser = thread.process == nil ? 0 : 1
    record.ticks = thread.ticks
    record.preemptions = thread.preemptions
    record.systemCalls = thread.systemCalls
    record.memory = (thread.process?.space.pageCount ?? 0) * pageSize
    record.name = thread.name
    return record
  }

  static func describeMemory(_ address: UInt64) -> Answer {
    var record = MemoryRecord()
    record.usable = Frames.usable
    record.free = Frames.freeBytes
    record.kernelImage = linker_kernel_end() - linker_text_start()
    record.heapTotal = KernelHeap.bytesTotal
    record.heapInUse = KernelHeap.bytesInUse
    record.heapBlocks = KernelHeap.liveBlocks
    record.pageTables = PageTables.frameCount * pageSize
    record.kernelStacks = KernelStacks.bytes
    for process in Processes.all { record.processes += process.space.pageCount * pageSize }
    return UserMemory.write(record: record, to: address) ? .success(0) : fail(.badAddress)
  }
}

/// Records for `ps`, `mem` and `ls`.
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
    record.name = RecordName(bytes: thread.process?.name ?? thread.name)
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
    record.kernelStacks = KernelStacks.count * KernelStacks.size
    for process in Processes.all { record.processes += process.space.pageCount * pageSize }
    return UserMemory.write(record: record, to: address) ? .success(0) : fail(.badAddress)
  }

  static func describeFile(_ index: UInt64, _ address: UInt64) -> Answer {
    guard index < UInt64(Files.all.count) else { return describeReport(index, address) }
    let file = Files.all[Int(index)]
    var record = FileRecord()
    record.size = UInt64(file.contents.count)
    record.kind = file.kind.rawValue
    record.name = RecordName(bytes: file.name)
    return UserMemory.write(record: record, to: address) ? .success(0) : fail(.badAddress)
  }

  static func readFile(
    _ index: UInt64, _ offset: UInt64, _ address: UInt64, _ count: UInt64
  ) -> Answer {
    guard index < UInt64(Files.all.count) else {
      return readReport(index, offset, address, count)
    }
    let contents = Files.all[Int(index)].contents
    guard offset < UInt64(contents.count) else { return .success(0) }
    let length = min(count, UInt64(contents.count) - offset, pageSize)
    let part = UnsafeRawBufferPointer(rebasing: contents[Int(offset)..<Int(offset + length)])
    return UserMemory.write(part, to: address) ? .success(length) : fail(.badAddress)
  }

  /// What is behind the files proper: the reports of /proc.
  private static func report(_ index: UInt64) -> ProcFS.Entry? {
    let number = index &- UInt64(Files.all.count)
    return number < UInt64(ProcFS.entries.count) ? ProcFS.entries[Int(number)] : nil
  }

  private static func describeReport(_ index: UInt64, _ address: UInt64) -> Answer {
    guard let entry = report(index) else { return fail(.notFound) }
    var record = FileRecord()
    record.kind = FileRecord.Kind.module.rawValue
    record.name = RecordName(bytes: [UInt8](text: "/proc/") + entry.path)
    return UserMemory.write(record: record, to: address) ? .success(0) : fail(.badAddress)
  }

  private static func readReport(
    _ index: UInt64, _ offset: UInt64, _ address: UInt64, _ count: UInt64
  ) -> Answer {
    guard let entry = report(index) else { return fail(.notFound) }
    let part = ProcFS.text(of: entry).slice(at: offset, count: Int(min(count, pageSize)))
    guard UserMemory.write(Array(part), to: address) else { return fail(.badAddress) }
    return .success(UInt64(part.count))
  }
}

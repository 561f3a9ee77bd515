import Emulator

/// Finds writes to the kernel's code, and data that the kernel executes.
///
/// Code is what the image's segments say. Anything else may be executed by the kernel only where
/// it cannot be written; the first mebibyte, where processors start, is left alone.
final class CodeChecker: Checker {
  private static let firstMebibyte: UInt64 = 1 << 20

  private unowned let run: CheckedRun
  private let layout: KernelLayout
  /// When the image was loaded again.
  private var reloaded: UInt64?

  init(_ run: CheckedRun) {
    self.run = run
    layout = KernelLayout(run.machine, slide: run.symbols.slide)
    guard !layout.parts.isEmpty else { return }
    for part in layout.text(run.symbols) {
      // By its physical address it is found by whatever mapping it is written.
      let watched = Watchpoint(
        address: part.physical ?? part.linear, count: part.size, kind: .write,
        isPhysical: part.physical != nil)
      _ = run.watches.add(watched) { [unowned self] hit in
        let address = part.linear &+ (hit.address &- watched.address)
        reportWrite(hit, to: address)
      }
    }
    run.machine.observeNewCode { [unowned self] cpu, linear, physical in
      if !run.isResting { judge(cpu, linear, physical) }
    }
  }

  func observe(_ event: ExecutionEvent) {
    if case .reset = event.kind { reloaded = event.position }
  }

  private func reportWrite(_ hit: WatchHit, to address: UInt64) {
    guard hit.rip != nil || hit.position != reloaded else { return }
    run.report(
      .code, at: hit.rip ?? 0, key: hit.rip == nil ? "device" : "write", position: hit.position,
      "\(hit.rip == nil ? "a device" : "somebody") writes \(hit.size) bytes of code "
        + "at \(run.describe(address))")
  }

  private func judge(_ cpu: CPU, _ linear: UInt64, _ physical: UInt64) {
    guard cpu.cpl < 3, cpu.cr0.contains(.paging), physical >= Self.firstMebibyte else { return }
    var isData = false
    for part in layout.parts
    where part.contains(linear: linear) || part.contains(physical: physical) {
      if part.isExecutable { return }
      isData = true
    }
    guard let page = cpu.peekTranslation(LinearAddress(linear)) else { return }
    guard isData || page.isWritable && !page.isNoExecute else { return }
    run.report(
      .code, at: linear, cpu: cpu, key: "execute",
      isData
        ? "the kernel executes its own data" : "the kernel executes a page that it may write")
  }
}

/// Breakpoints that count: a probe at any kernel function, put there while the kernel runs.
///
/// The function's first byte becomes INT3. The exception notes the arguments and goes on in a small
/// piece of code made for the probe: a copy of the first instruction and a jump to the second. One byte
/// is written at once or not at all, so other processors may run the function meanwhile.
import KernelArch

final class Kprobe {
  let address: UInt64
  let name: [UInt8]
  let original: UInt8
  /// Where the copy of the first instruction lies.
  let detour: UInt64
  nonisolated(unsafe) var hits: UInt64 = 0

  init(address: UInt64, name: [UInt8], original: UInt8, detour: UInt64) {
    self.address = address
    self.name = name
    self.original = original
    self.detour = detour
  }
}

enum Kprobes {
  private static let lock = Mutex("kprobes")
  /// Replaced as a whole; read by the exception without a lock.
  ///
  /// Nothing leaves it, so that a processor
  /// which just met a probe that is being removed still finds its detour.
  nonisolated(unsafe) private(set) static var all: [Kprobe] = []
  nonisolated(unsafe) private static var detours: UInt64 = 0
  nonisolated(unsafe) private static var detourEnd: UInt64 = 0
  nonisolated(unsafe) private static let isInside = PerCPU<Bool>(false)
  /// Functions on the way from INT3 to the probe, which must not meet one themselves.
  private static let forbidden: [StaticString] = [
    "interrupt_dispatch", "InterruptDelivery.dispatch", "isr_", "Kprobe", "Debugger.",
    "Breakpoints.", "memcpy", "memset", "swift_",
  ]

  static func prepare() { _ = isInside }

  static func start() {
    ProcFS.add("tracing/kprobes", write: { control($0) }) { text in
      for probe in all where isSet(probe) {
        text.append("\(text: probe.name) \(probe.hits)\n")
      }
    }
  }

  /// Called first for each breakpoint in the kernel; true when it was a probe's.
  static func hit(_ frame: UnsafeMutablePointer<trap_frame>) -> Bool {
    let address = frame.pointee.rip &- 1
    for probe in all where probe.address == address {
      if !isInside.current {
        isInside.current = true
        probe.hits &+= 1
        Trace.record(.kprobe, address, frame.pointee.rdi, frame.pointee.rsi)
        isInside.current = false
      }
      frame.pointee.rip = probe.detour
      return true
    }
    return false
  }

  static func isSet(_ probe: Kprobe) -> Bool {
    UnsafePointer<UInt8>(OpaquePointer(pointer_to(probe.address))).pointee == 0xcc
  }

  /// Puts a probe at the function of that readable name.
  static func add(_ name: [UInt8]) -> SystemError? {
    lock.withLock {
      for word in forbidden where name.starts(with: word) { return .notPermitted }
      guard let address = Symbols.function(named: name) else { return .notFound }
      for probe in all where probe.address == address {
        if !isSet(probe) { Patch.write(0xcc, at: address) }
        return nil
      }
      let code = UnsafeRawBufferPointer(start: pointer_to(address), count: 8)
      guard let length = ProbeInstruction.length(Array(code)) else { return .notSupported }
      guard let detour = makeDetour(Array(code[..<length]), to: address + UInt64(length)) else {
        return .outOfMemory
      }
      all.append(Kprobe(address: address, name: name, original: code[0], detour: detour))
      Patch.write(0xcc, at: address)
      return nil
    }
  }

  static func remove(_ name: [UInt8]) -> SystemError? {
    lock.withLock {
      for probe in all where probe.name == name && isSet(probe) {
        Patch.write(probe.original, at: probe.address)
        probe.hits = 0
        return nil
      }
      return .notFound
    }
  }

  /// `+NAME` or `NAME` sets a probe, `-NAME` removes it.
  static func control(_ text: [UInt8]) -> SystemError? {
    for word in Words.split(text.filter { $0 != 0x0a }) {
      let error =
        switch word.first {
        case 0x2d: remove(Array(word.dropFirst()))
        case 0x2b: add(Array(word.dropFirst()))
        default: add(word)
        }
      if let error { return error }
    }
    return nil
  }

  /// The instruction, then JMP rel32, in a page of the module area.
  private static func makeDetour(_ instruction: [UInt8], to target: UInt64) -> UInt64? {
    let room: UInt64 = 16
    if detours == 0 {
      guard let page = ModuleLoader.lock.withLock({ makePage() }) else { return nil }
      detours = page
      detourEnd = page
    }
    guard detourEnd + room <= detours + pageSize else { return nil }
    let detour = detourEnd
    detourEnd += room
    var code = instruction + [0xe9]
    let next = detour + UInt64(code.count) + 4
    let displacement = UInt32(truncatingIfNeeded: target &- next)
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
      code.append(UInt8(truncatingIfNeeded: displacement >> shift))
    }
    for (index, byte) in code.enumerated() { Patch.write(byte, at: detour + UInt64(index)) }
    return detour
  }

  private static func makePage() -> UInt64? {
    guard let page = ModuleArea.allocate(pageSize) else { return nil }
    let image = [UInt8](repeating: 0xcc, count: Int(pageSize))
    let end = Int(pageSize)
    return ModuleArea.map(image, at: page, ends: [end, end, end]) ? page : nil
  }
}

/// Writing to code, which is mapped read-only everywhere: through a mapping of its own for a moment.
enum Patch {
  private static let lock = SpinLock("patch")

  /// Makes the page tables for the page, while nobody else makes any.
  static func prepare() {
    KernelSpace.map(LinearAddress(Layout.patch), to: PhysicalAddress(0), .kernelConstant)
    KernelSpace.tables.leaf(LinearAddress(Layout.patch))?.entry.pointee = 0
  }

  static func write(_ byte: UInt8, at address: UInt64) {
    lock.withLockIRQ {
      guard let frame = KernelSpace.tables.translate(LinearAddress(address)) else { return }
      let page = Layout.patch
      KernelSpace.map(LinearAddress(page), to: frame.alignedDown(), .kernelData)
      invlpg(page)
      mmio_write8(page + (address & (pageSize - 1)), byte)
      KernelSpace.tables.leaf(LinearAddress(page))?.entry.pointee = 0
      invlpg(page)
    }
  }
}

/// Kernel page-table isolation, `pti=on`: while a program runs, the kernel is not in its page tables.
///
/// A processor that runs ahead may read what it has no right to before it notices, and its caches show
/// what it was: that was Meltdown. What is not mapped cannot be read at all. So each address space has two
/// roots, in neighbouring frames: the kernel's, with everything, and ring 3's, with the same programs'
/// half, but of the kernel only what leads into it: the code of entry.S, the interrupt gates, and each
/// processor's entry page. Entries and returns change between the two. Off by default: neither `emu` nor
/// QEMU's interpreter runs ahead, and each system call costs two changes of CR3.
/// SDM Vol. 3A, "Process-Context Identifiers (PCIDs)".
import KernelArch

enum Isolation {
  nonisolated(unsafe) private static var isWanted = false
  static var isOn: Bool { Configuration.ISOLATION && isWanted }
  /// Ring 3's translations have a tag of their own, so that a change of CR3 forgets nothing.
  static var usesTags: Bool { isOn && Features.hasPCID }

  private static let userTag: UInt64 = 1
  private static let keepBit: UInt64 = 1 << 63

  /// Before the first page tables are made.
  static func start(_ isWanted: Bool) { self.isWanted = isWanted }

  /// Puts what all processors enter by into ring 3's half of the kernel's own roots, which other address
  /// spaces copy.
  static func shareEntries() {
    guard isOn else { return }
    for page in stride(
      from: linker_entry_text_start(), to: linker_entry_text_end(), by: Int(pageSize))
    {
      share(page, .kernelCode)
    }
    share(linker_idt_table(), .kernelConstant)
    share(CPU.current)
  }

  /// The same with what one processor needs.
  static func share(_ cpu: CPU) {
    guard isOn else { return }
    share(UInt64(UInt(bitPattern: cpu.entry)), .kernelData)
  }

  private static func share(_ page: UInt64, _ flags: PageFlags) {
    guard let frame = KernelSpace.tables.translate(LinearAddress(page)),
      KernelSpace.tables.forRing3.map(LinearAddress(page), to: frame, flags)
    else { panic("no memory for page tables") }
  }

  /// Tells this processor's entries and returns which roots to change between.
  static func chooseRoots(_ root: PhysicalAddress, _ isIsolated: Bool) {
    let entry = CPU.current.entry
    entry.pointee.keep_bit = usesTags ? keepBit : 0
    entry.pointee.kernel_root = root.value | entry.pointee.keep_bit
    // Without the bit: the first return forgets what another program has left.
    entry.pointee.user_root =
      isIsolated ? (root + pageSize).value | (usesTags ? userTag : 0) : 0
  }

  /// Forgets pages of ring 3's on this processor: one by one where it can, or all on the next return.
  static func forget(_ pages: StrideTo<UInt64>) {
    guard usesTags, Features.hasINVPCID else { return entry_forget_user() }
    for page in pages { invpcid(userTag, page) }
  }

  /// Sets an entry of the programs' half in both roots.
  ///
  /// In the kernel's root it is not executable: a return that forgets to change roots gets nowhere.
  /// Unless what is there already is executable; see `AddressSpace.setIsolated`.
  static func setRootEntry(_ entry: PageTables.Entry, _ value: UInt64) {
    guard isOn else { return entry.pointee = value }
    (entry + 512).pointee = value
    let root = PhysicalAddress(UInt64(UInt(bitPattern: entry)) & ~(pageSize - 1) - Layout.directMap)
    let isExecutable = (0..<Layout.kernelSlots.lowerBound).contains {
      let there = PageTables.entry(root, $0).pointee
      return there & 1 != 0 && there & PageFlags.noExecute.rawValue == 0
    }
    entry.pointee = value == 0 || isExecutable ? value : value | PageFlags.noExecute.rawValue
  }
}

extension PageTables {
  /// What ring 3 sees, when that is not the same.
  var forRing3: PageTables { Isolation.isOn ? PageTables(root: root + pageSize) : self }

  /// Takes over the kernel's half, and of it into ring 3's root what that may have.
  func shareKernel() {
    for slot in Layout.kernelSlots {
      PageTables.entry(root, slot).pointee =
        PageTables.entry(KernelSpace.tables.root, slot).pointee
      guard Isolation.isOn else { continue }
      PageTables.entry(forRing3.root, slot).pointee =
        PageTables.entry(KernelSpace.tables.forRing3.root, slot).pointee
    }
  }

  /// How many pages of 4 KiB are mapped in the kernel's half.
  var kernelPageCount: UInt64 {
    var count: UInt64 = 0
    for slot in Layout.kernelSlots {
      PageTables.visitPages(PageTables.entry(root, slot).pointee, level: 4) { _, level in
        count += 1 << UInt64(9 * (level - 1))
      }
    }
    return count
  }

  /// Calls `body` with each present page below an entry, and its level.
  static func visitPages(_ entry: UInt64, level: Int, _ body: (UInt64, Int) -> Void) {
    guard entry & 1 != 0 else { return }
    if level == 1 || (level < 4 && entry & PageFlags.large.rawValue != 0) {
      return body(entry, level)
    }
    let table = PhysicalAddress(entry & addressMask)
    for index in 0..<512 {
      visitPages(PageTables.entry(table, index).pointee, level: level - 1, body)
    }
  }
}

// MARK: /proc/pti

extension Isolation {
  static func write(to text: inout Text) {
    let space = Process.current.space
    text.append("isolation: \(isOn ? "on" as StaticString : "off")\n")
    text.append("tagged translations: \(usesTags ? "yes" as StaticString : "no")\n")
    text.append("this process: \(space.isIsolated ? "isolated" as StaticString : "not isolated")\n")
    text.append("kernel pages in ring 0: \(space.tables.kernelPageCount)\n")
    text.append("kernel pages in ring 3: \(space.seenByRing3.kernelPageCount)\n")
    text.append("entry code: \((linker_entry_text_end() - linker_entry_text_start()) / pageSize)\n")
    text.append("interrupt gates: 1\nprocessors: \(CPU.count)\n")
  }

  /// `0` lets the writing process, which must have a single thread, run on the kernel's page tables from
  /// now on, for comparison; `1` isolates it again.
  static func control(_ bytes: [UInt8]) -> SystemError? {
    guard isOn else { return .notSupported }
    guard bytes.first == 0x30 || bytes.first == 0x31 else { return .invalidArgument }
    guard Process.current.users == 1 else { return .busy }
    Process.current.space.setIsolated(bytes.first == 0x31)
    return nil
  }
}

extension AddressSpace {
  var seenByRing3: PageTables { isIsolated ? tables.forRing3 : tables }

  /// For the running process, which has one thread.
  func setIsolated(_ isWanted: Bool) {
    Interrupts.off {
      isIsolated = isWanted
      for slot in 0..<Layout.kernelSlots.lowerBound {
        let entry = PageTables.entry(tables.root, slot)
        guard entry.pointee & 1 != 0 else { continue }
        entry.pointee &= ~PageFlags.noExecute.rawValue
        if isWanted { entry.pointee |= PageFlags.noExecute.rawValue }
      }
      TLB.load(tables.root, isIsolated: isWanted)
      CPU.current.setKernelStack(Thread.current.stackTop)
    }
  }
}

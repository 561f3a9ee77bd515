/// A Linux kernel for its real-mode entry: what an option ROM copies, and to where.
///
/// The setup code asks the firmware for the memory map and everything else.
/// Linux kernel documentation, "The Linux/x86 Boot Protocol": "Details of Header Fields",
/// "Running the Kernel".
struct LinuxParts {
  /// Bytes and the address where they go.
  struct Part {
    let address: UInt64
    let bytes: [UInt8]
  }

  /// The setup code, with what a boot loader fills in.
  let setup: Part
  /// The command line with its terminating zero.
  let commandLine: Part
  /// The kernel behind the setup code.
  let system: Part
  /// The initial RAM disk, the files one after another; empty if there is none.
  ///
  /// The address is the highest that it may have: firmware keeps some memory for itself.
  let ramdisk: Part

  private typealias Field = LinuxKernel.Field

  private enum Layout {
    static let setup: UInt64 = 0x1_0000
    static let commandLine: UInt64 = 0x2_0000
    static let commandLineEnd: UInt64 = 0x9_0000
    static let system: UInt64 = 0x10_0000
    /// More than firmware keeps at the end of memory.
    static let firmware: UInt64 = 1 << 20
    /// The end of the setup code's heap and stack, less 200h as the header has it.
    static let heapEnd: UInt64 = 0xFDF0
    /// LOADED_HIGH is there; CAN_USE_HEAP.
    static let canUseHeap: UInt64 = 0x80
    static let heapEndField = 0x224
  }

  /// Divides a kernel for a machine with `lowSize` bytes of RAM below 4 GiB, or says in one
  /// sentence why that cannot be.
  init(
    _ kernel: LinuxKernel, commandLine: String, modules: [BootModule], lowSize: UInt64
  ) throws(ImageError) {
    guard kernel.version >= 0x202 else {
      throw ImageError(
        kernel.name,
        "this Linux kernel speaks version \(kernel.versionText) of the boot protocol, and behind "
          + "firmware 2.02 is the oldest that can be started")
    }
    let limit = min(
      kernel.commandLineLimit, Layout.commandLineEnd - Layout.commandLine - 1)
    self.commandLine = Part(
      address: Layout.commandLine, bytes: try kernel.checked(commandLine, limit: limit))
    let end = max(kernel.preferredAddress, Layout.system).addingClamped(kernel.initialSize)
    let available = lowSize - min(lowSize, Layout.firmware)
    guard end <= available else {
      throw ImageError(
        kernel.name,
        "it needs memory up to \(end.hex), and this machine's firmware leaves it what lies below "
          + "\(available.hex) (see --memory)")
    }
    system = Part(address: Layout.system, bytes: Array(kernel.system))
    let disk = BootModule.concatenated(modules)
    let top = min(kernel.ramdiskLimit.addingClamped(1), available)
    guard end + UInt64(disk.count) + PhysicalMemory.pageSize <= top else {
      throw ImageError(
        modules.first?.name ?? kernel.name,
        kernel.sentence(ramdiskSize: UInt64(disk.count), above: end, below: top))
    }
    let highest = min(kernel.ramdiskLimit.addingClamped(1), lowSize) - UInt64(disk.count)
    ramdisk = Part(address: highest & ~(PhysicalMemory.pageSize - 1), bytes: disk)
    setup = Part(address: Layout.setup, bytes: Self.setup(kernel, ramdisk: ramdisk))
  }

  /// The setup code with the fields that a boot loader writes.
  private static func setup(_ kernel: LinuxKernel, ramdisk: Part) -> [UInt8] {
    var bytes = Array(kernel.bytes[..<kernel.setupSize])
    func set(_ offset: Int, _ value: UInt64, _ size: Int) {
      bytes.replaceSubrange(offset..<offset + size, with: value.littleEndianBytes(size))
    }
    set(Field.loaderType, ZeroPage.loaderType, 1)
    set(Field.loadFlags, kernel.field(Field.loadFlags, 1) | Layout.canUseHeap, 1)
    set(Layout.heapEndField, Layout.heapEnd, 2)
    set(Field.code32Start, Layout.system, 4)
    set(Field.commandLine, Layout.commandLine, 4)
    if !ramdisk.bytes.isEmpty {
      set(Field.ramdiskAddress, ramdisk.address, 4)
      set(Field.ramdiskSize, UInt64(ramdisk.bytes.count), 4)
    }
    return bytes
  }
}

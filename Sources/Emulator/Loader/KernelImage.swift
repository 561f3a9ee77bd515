/// A kernel that this machine knows how to start.
public struct KernelImage: Sendable {
  /// What kind of file it is.
  public enum Kind: Sendable {
    /// An ELF file, entered by PVH or without a protocol.
    case elf(ELFKernel)
    /// A file with a Multiboot header of either version.
    case multiboot(MultibootKernel)
    /// An ELF file with requests of the Limine protocol.
    case limine(LimineKernel)
    /// A Linux bzImage.
    case linux(LinuxKernel)
  }

  /// The file's name, for messages.
  public let name: String
  /// What kind of file it is, with what was read of it.
  public let kind: Kind

  /// The kernel as an ELF file, nil if it is not one.
  public var elf: ELFImage? {
    switch kind {
    case .elf(let kernel): kernel.elf
    case .multiboot(let kernel): kernel.elf
    case .limine(let kernel): kernel.elf
    case .linux: nil
    }
  }

  /// Recognises the kernel in `bytes`, or says what the file is instead.
  ///
  /// A file that gzip compressed is inflated first. Of several protocols that an image offers,
  /// `bootProtocol` is taken, or else the first in `BootProtocol`'s order.
  public init(
    _ bytes: [UInt8], name: String, bootProtocol: BootProtocol? = nil
  ) throws(ImageError) {
    self.name = name
    let bytes = try GZIP.inflated(bytes, name: name)
    for candidate in BootProtocol.allCases where bootProtocol ?? candidate == candidate {
      if let kind = try Self.recognize(bytes, name: name, as: candidate) {
        self.kind = kind
        return
      }
    }
    guard let bootProtocol else {
      throw ImageError(name, "this is no kernel; \(ELFImage.wanted)")
    }
    throw ImageError(
      name,
      "it cannot be started by \(bootProtocol.rawValue): this is \(FileSignature.name(of: bytes)) "
        + "without what that protocol asks for")
  }

  /// The kernel as one of a protocol; nil if it has nothing to do with that.
  private static func recognize(
    _ bytes: [UInt8], name: String, as bootProtocol: BootProtocol
  ) throws(ImageError) -> Kind? {
    switch bootProtocol {
    case .linux:
      LinuxKernel.isPresent(in: bytes) ? .linux(try LinuxKernel(bytes, name: name)) : nil
    case .pvh: try ELFKernel(pvh: bytes, name: name).map(Kind.elf)
    case .multiboot2: try MultibootKernel(multiboot2: bytes, name: name).map(Kind.multiboot)
    case .multiboot1: try MultibootKernel(multiboot1: bytes, name: name).map(Kind.multiboot)
    case .limine: try LimineKernel(bytes, name: name).map(Kind.limine)
    case .elf64: .elf(try ELFKernel(bare: bytes, name: name))
    }
  }
}

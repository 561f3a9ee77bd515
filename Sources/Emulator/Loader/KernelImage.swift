/// A kernel that this machine knows how to start.
public struct KernelImage: Sendable {
  /// What kind of file it is.
  public enum Kind: Sendable {
    /// An ELF file, entered by PVH or without a protocol.
    case elf(ELFKernel)
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
    case .linux: nil
    }
  }

  /// Recognises the kernel in `bytes`, or says what the file is instead.
  public init(_ bytes: [UInt8], name: String) throws(ImageError) {
    self.name = name
    if LinuxKernel.isPresent(in: bytes) {
      kind = .linux(try LinuxKernel(bytes, name: name))
    } else {
      kind = .elf(try ELFKernel(bytes, name: name))
    }
  }
}

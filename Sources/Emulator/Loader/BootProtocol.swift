/// The ways to start a kernel, by the names `--protocol` takes.
///
/// An image may offer several; unless told otherwise, the first of this order is taken.
public enum BootProtocol: String, CaseIterable, Sendable {
  /// The Linux/x86 boot protocol of a bzImage.
  case linux
  /// PVH, by an ELF note.
  case pvh
  /// Multiboot 2, by a header in the first 32 KiB.
  case multiboot2
  /// Multiboot 1, by a header in the first 8 KiB.
  case multiboot1
  /// The Limine protocol, by requests in the image.
  case limine
  /// No protocol: an ELF64 that is called like a C function.
  case elf64
}

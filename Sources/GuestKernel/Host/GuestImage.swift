import Foundation

/// The images built from this directory, as files of the resource bundle.
public enum GuestImage: String, CaseIterable, Sendable {
  /// The kernel with its debug information.
  case kernel = "kernel.elf"
  /// The kernel as it is released: with its symbol table, without debug information.
  case release = "kernel.release.elf"
  /// The program `hello`, as an ELF file that can be given as a module.
  case hello = "hello.program"

  /// Where the file is.
  public var url: URL { Bundle.module.bundleURL.appending(path: rawValue) }
}

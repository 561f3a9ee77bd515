import Emulator
import Glibc

/// The kernel that is booted when none is named.
enum BundledKernel {
  private static let name = "Images/kernel.elf"

  /// Finds it above the executable or in the current directory.
  static func path() throws(Failure) -> String {
    var looked: [String] = []
    var directory = executableDirectory()
    while let folder = directory {
      let candidate = folder == "/" ? "/\(name)" : "\(folder)/\(name)"
      if access(candidate, R_OK) == 0 { return candidate }
      looked.append(candidate)
      directory = parent(of: folder)
    }
    if access(name, R_OK) == 0 { return name }
    let first = looked.first.map { "\($0) and above" } ?? "beside the executable"
    throw Failure(
      "there is no bundled kernel: looked for \(first), and for ./\(name); "
        + "name an image, or make one with `make image`",
      status: ExitStatus.unusableFile)
  }

  /// Where the build of the guest kernel puts an image of that name, debugging sections and all.
  static func buildOutput(of image: String?) -> [String] {
    guard let name = image?.split(separator: "/").last, let folder = executableDirectory() else {
      return []
    }
    return ["\(folder)/emu_GuestKernel.resources/\(name)"]
  }

  private static func executableDirectory() -> String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0 else { return nil }
    return parent(
      of: String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  private static func parent(of path: String) -> String? {
    guard path != "/", let slash = path.lastIndex(of: "/") else { return nil }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

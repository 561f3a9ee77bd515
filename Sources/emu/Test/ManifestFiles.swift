import Emulator
import Glibc

/// Finds manifests.
enum ManifestFiles {
  private static let suffix = ".emutest"

  /// The manifest at a path, or all of those in a directory, in order of their names.
  static func find(_ path: String) throws(HostError) -> [String] {
    guard isDirectory(path) else { return [path] }
    let found = try search(path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path)
    guard !found.isEmpty else { throw HostError(path, "there is no file *\(suffix) in it") }
    return found
  }

  private static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  private static func search(_ folder: String) throws(HostError) -> [String] {
    guard let directory = opendir(folder) else {
      let reason = strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
      throw HostError(folder, "cannot be listed: \(reason)")
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    var found: [String] = []
    for path in names.sorted().map({ "\(folder)/\($0)" }) {
      // A link to a folder above would have no end.
      var status = stat()
      let isFolder = lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
      if isFolder {
        found += try search(path)
      } else if path.hasSuffix(suffix) {
        found.append(path)
      }
    }
    return found
  }
}

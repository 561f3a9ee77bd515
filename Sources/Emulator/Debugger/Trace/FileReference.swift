import Emulator

/// A file of the host that a machine is made of, known again by its digest.
public struct FileReference: Equatable, Sendable {
  /// What the file is for.
  public enum Role: String, CaseIterable, Sendable {
    case image
    case module
    case disk
    case firmware
    case videoROM = "video-rom"
  }

  /// What it is for.
  public var role: Role
  /// Where it was.
  public var path: String
  /// SHA-256 of its content.
  public var digest: String
  /// Its bytes.
  public var size: UInt64
  /// What else there is to know: a protocol, a module's name, a disk's bus and access.
  public var details: [String]

  /// Refers to a file with this content.
  public init(_ role: Role, path: String, content: [UInt8], details: [String] = []) {
    self.init(
      role, path: path, digest: SHA256.hex(content), size: UInt64(content.count), details: details)
  }

  init(_ role: Role, path: String, digest: String, size: UInt64, details: [String]) {
    self.role = role
    self.path = path
    self.digest = digest
    self.size = size
    self.details = details
  }

  /// The content if it is still the same; otherwise one sentence.
  public func verified(_ content: [UInt8]) throws(TraceError) -> [UInt8] {
    guard SHA256.hex(content) == digest else {
      throw TraceError(path, "this is not the \(role.rawValue) that was recorded: it has changed")
    }
    return content
  }
}

/// Where the files of a recorded machine are found again.
public struct FileSource: Sendable {
  /// Contents that came with the trace, by digest.
  public var embedded: [String: [UInt8]]
  /// Files to take instead of the recorded ones, by role.
  public var replacements: [FileReference.Role: String]

  /// The folder of the trace, where files are looked for too.
  public var folder: String?

  /// A source that looks where the files were.
  public init(
    embedded: [String: [UInt8]] = [:], replacements: [FileReference.Role: String] = [:],
    folder: String? = nil
  ) {
    self.embedded = embedded
    self.replacements = replacements
    self.folder = folder
  }

  /// What is at a path, as seen from here or from the trace's folder.
  func read(_ path: String) throws -> [UInt8] {
    do {
      return try HostFile.read(path)
    } catch {
      guard let folder, !path.hasPrefix("/"), let bytes = try? HostFile.read("\(folder)/\(path)")
      else { throw error }
      return bytes
    }
  }

  /// The content of a file: what came with the trace, or what is at its path now.
  ///
  /// A kernel may have changed, which is what a check is for; anything else must be the same.
  func content(of file: FileReference) throws -> [UInt8] {
    if let path = replacements[file.role] { return try HostFile.read(path) }
    if let bytes = embedded[file.digest] { return bytes }
    let bytes = try read(file.path)
    return file.role == .image ? bytes : try file.verified(bytes)
  }
}

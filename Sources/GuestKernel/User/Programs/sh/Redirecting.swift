/// Redirections: which files the standard descriptors mean while a command runs.
import Apus

/// Descriptors that were replaced, to be put back.
struct SavedDescriptors {
  private var saved: [(number: Int32, copy: Int32?)] = []

  /// Keeps what a number means now, out of the way of programs.
  mutating func keep(_ number: Int32) {
    for entry in saved where entry.number == number { return }
    var copy: Int32?
    if case .success(let place) = Descriptor(number).control(.duplicateCloseOnExec, 10) {
      copy = Int32(truncatingIfNeeded: place)
    }
    saved.append((number, copy))
  }

  mutating func restore() {
    Output.flush()
    for entry in saved.reversed() {
      if let copy = entry.copy {
        _ = Call.dup2(copy, entry.number)
        _ = Call.close(copy)
      } else {
        _ = Call.close(entry.number)
      }
    }
    saved = []
    Output.forget()
  }

  /// For `exec`, whose redirections stay.
  mutating func discard() {
    for entry in saved { if let copy = entry.copy { _ = Call.close(copy) } }
    saved = []
  }
}

enum Redirecting {
  /// Carries them out from left to right; false after saying which one failed.
  static func apply(
    _ redirections: [ShellRedirection], _ shell: Shell, saving saved: inout SavedDescriptors
  ) -> Bool {
    guard !redirections.isEmpty else { return true }
    Output.flush()
    for redirection in redirections {
      var name: [UInt8] = []
      do throws(ShellSyntaxError) {
        name = try ShellExpansion.text(redirection.target, shell)
      } catch {
        shell.refuse(error)
        return false
      }
      do throws(SystemError) {
        saved.keep(Int32(redirection.descriptor))
        try apply(redirection, name, shell)
      } catch {
        complain("\(text: name): \(error.name)")
        return false
      }
    }
    Output.forget()
    return true
  }

  private static func apply(
    _ redirection: ShellRedirection, _ name: [UInt8], _ shell: Shell
  ) throws(SystemError) {
    let place = Descriptor(Int32(redirection.descriptor))
    switch redirection.kind {
    case .input: try put(try Descriptor.open(name), at: place)
    case .output:
      // `set -C`: what is there stays; devices are no files to lose.
      if shell.keepsFiles, let status = try? FileTree.status(of: name),
        status.mode.kind == .regular
      {
        throw .exists
      }
      try put(
        try Descriptor.open(name, [.writeOnly, .create, .truncate], permissions: 0o666), at: place)
    case .append:
      try put(
        try Descriptor.open(name, [.writeOnly, .create, .append], permissions: 0o666), at: place)
    case .readWrite:
      try put(try Descriptor.open(name, [.readWrite, .create], permissions: 0o666), at: place)
    case .duplicate:
      // What is closed already may be closed again.
      if name.equals("-") {
        _ = Call.close(place.rawValue)
        return
      }
      guard let number = name.decimal, number < 1024 else { throw .badDescriptor }
      try Descriptor(Int32(number)).duplicate(as: place)
    case .document(let word):
      var text: [UInt8] = []
      do throws(ShellSyntaxError) {
        text = try ShellExpansion.text(word, shell)
      } catch {
        shell.refuse(error)
        throw .invalidArgument
      }
      try put(try document(text), at: place)
    }
  }

  private static func put(_ file: Descriptor, at place: Descriptor) throws(SystemError) {
    guard file != place else { return }
    try file.duplicate(as: place)
    try file.close()
  }

  /// A file without a name that holds the text, read from its beginning.
  private static func document(_ text: [UInt8]) throws(SystemError) -> Descriptor {
    let path = [UInt8](text: "/tmp/document.") + [UInt8]("\(Process.id)" as TextLine)
    try FileTree.write(text, to: path)
    let file = try Descriptor.open(path)
    try FileTree.remove(path)
    return file
  }
}

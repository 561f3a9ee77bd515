/// What a program is given besides its memory: arguments and environment, on the stack as the System V
/// ABI has them.
import UserSystem

package enum Arguments {
  /// argc and argv as the kernel left them.
  package static var all: [[UInt8]] {
    let stack = initial_stack()
    var arguments: [[UInt8]] = []
    for index in 0..<Int(stack[0]) {
      guard let text = UnsafePointer<UInt8>(bitPattern: UInt(stack[index + 1])) else { break }
      arguments.append([UInt8](untilNUL: text))
    }
    return arguments
  }

  /// The last part of the first argument.
  package static var programName: [UInt8] {
    let stack = initial_stack()
    guard stack[0] > 0, let text = UnsafePointer<UInt8>(bitPattern: UInt(stack[1])) else {
      return []
    }
    return [UInt8](untilNUL: text).lastPathPart
  }
}

package enum Environment {
  nonisolated(unsafe) private static var changed: [[UInt8]]?

  /// All of it, as NAME=VALUE.
  package static var strings: [[UInt8]] {
    get { changed ?? original }
    set { changed = newValue }
  }

  private static var original: [[UInt8]] {
    let stack = initial_stack()
    var index = Int(stack[0]) + 2
    var strings: [[UInt8]] = []
    while let text = UnsafePointer<UInt8>(bitPattern: UInt(stack[index])) {
      strings.append([UInt8](untilNUL: text))
      index += 1
    }
    return strings
  }

  package static func value(of name: [UInt8]) -> [UInt8]? {
    for string in strings where string.hasPrefix(name + [0x3d]) {
      return Array(string.dropFirst(name.count + 1))
    }
    return nil
  }

  package static func set(_ name: [UInt8], to value: [UInt8]?) {
    var all = strings
    all.removeAll { $0.hasPrefix(name + [0x3d]) }
    if let value { all.append(name + [0x3d] + value) }
    changed = all
  }

  /// The folders of PATH.
  package static var searchPath: [[UInt8]] {
    let path = value(of: [UInt8](text: "PATH")) ?? [UInt8](text: "/bin")
    var folders: [[UInt8]] = []
    for folder in path.split(separator: 0x3a) { folders.append(Array(folder)) }
    return folders
  }
}

extension [UInt8] {
  /// What follows the last slash.
  package var lastPathPart: [UInt8] {
    guard let slash = lastIndex(of: 0x2f), slash + 1 < count else { return self }
    return Array(self[(slash + 1)...])
  }
}

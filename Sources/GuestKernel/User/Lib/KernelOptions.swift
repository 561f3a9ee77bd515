/// What the kernel was built with, as /proc/config says.
package enum KernelOptions {
  /// Whether the kernel is without what an option of its kernel.config stands for.
  package static func isLeftOut(_ option: StaticString) -> Bool {
    let lines = (try? FileTree.contents(of: [UInt8](text: "/proc/config"))) ?? []
    let wanted: TextLine = "\(option) = no"
    return lines.split(separator: 0x0a).contains { line in
      wanted.withBytes { Array($0) } == Array(line)
    }
  }
}

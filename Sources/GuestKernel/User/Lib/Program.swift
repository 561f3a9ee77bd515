/// A program's beginning.
import UserSystem

/// What a program's type has; marked `@main`, it is where the program starts.
package protocol Program {
  /// The first argument is the program's name; the result is the exit code.
  static func run(_ arguments: [[UInt8]]) -> Int32
}

extension Program {
  package static func main() { System.exit(run(Arguments.all)) }
}

private enum Arguments {
  /// Reads argc and argv as the kernel left them on the stack.
  static var all: [[UInt8]] {
    let stack = initial_stack()
    var arguments: [[UInt8]] = []
    for index in 0..<Int(stack[0]) {
      guard let text = UnsafePointer<UInt8>(bitPattern: UInt(stack[index + 1])) else { break }
      var length = 0
      while text[length] != 0 { length += 1 }
      arguments.append(Array(UnsafeBufferPointer(start: text, count: length)))
    }
    return arguments
  }
}

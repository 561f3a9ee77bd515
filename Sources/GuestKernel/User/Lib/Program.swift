/// A program's beginning.

/// What a program's type has; marked `@main`, it is where the program starts.
package protocol Program {
  /// The first argument is the program's name; the result is the exit code.
  static func run(_ arguments: [[UInt8]]) -> Int32
}

extension Program {
  package static func main() { System.exit(run(Arguments.all)) }
}

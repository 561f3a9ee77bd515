/// Checks of what must be so: they say what was expected, where, and what was found instead.
import KernelArch

/// Panics unless `condition` holds; `expectation` completes the sentence "expected that ...".
@inline(__always)
func kernelAssert(
  _ condition: @autoclosure () -> Bool, _ expectation: @autoclosure () -> TextLine,
  file: StaticString = #fileID, line: UInt32 = #line
) {
  if !condition() { assertionFailed(expectation(), file, line) }
}

/// Panics unless two numbers are equal, and prints both.
@inline(__always)
func kernelAssertEqual<Number: FixedWidthInteger>(
  _ found: Number, _ expected: Number, _ what: StaticString, file: StaticString = #fileID,
  line: UInt32 = #line
) {
  if found != expected {
    assertionFailed("\(what) is \(expected), found \(found)", file, line)
  }
}

@inline(never)
private func assertionFailed(
  _ expectation: TextLine, _ file: StaticString, _ line: UInt32
) -> Never {
  panic("assertion at \(file):\(line): expected that \(expectation)")
}

/// Something is wrong that the kernel can live with: says so once per call with the way that led here.
@inline(never)
func warn(_ what: TextLine, file: StaticString = #fileID, line: UInt32 = #line) {
  Taint.add(.warning)
  log(.warning, "warning", "\(what), at \(file):\(line)")
  let frame = UnsafePointer<UInt64>(OpaquePointer(pointer_to(read_rbp())))
  Backtrace.walk(from: frame[1], frame: frame[0]) { log(.warning, "warning", $0) }
}

/// mandelbrot: draws the set with characters; nothing but floating point.
import Apus

@main
struct Mandelbrot: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    Usage.describe("mandelbrot", "draws the set with characters")
    _ = Options(arguments, known: "", operands: 0...0)
    let shades = [UInt8](text: " .:-=+*#%@")
    for row in 0..<24 {
      var line = TextLine()
      for column in 0..<72 {
        let real = -2.2 + 3.0 * Double(column) / 72
        let imaginary = -1.2 + 2.4 * Double(row) / 24
        line.append(byte: shades[steps(real, imaginary) * 9 / 200])
      }
      say("\(line)\n")
    }
    return 0
  }
}

/// How many steps of z := z² + c it takes to leave the circle of radius 2, at most 200.
private func steps(_ real: Double, _ imaginary: Double) -> Int {
  var x = 0.0
  var y = 0.0
  var count = 0
  while count < 200, x * x + y * y < 4 {
    let next = x * x - y * y + real
    y = 2 * x * y + imaginary
    x = next
    count += 1
  }
  return count
}

import Emulator
import Foundation
import Testing

/// What a terminal shows: text at places, from the escape sequences that memtest86+ sends.
struct TerminalScreen {
  private var cells = [[UInt8]](
    repeating: [UInt8](repeating: 0x20, count: 80), count: 25)
  private var row = 0
  private var column = 0
  private var escape: [UInt8]?

  /// The lines, without the blanks at their ends.
  var lines: [String] {
    cells.map { line in
      var text = String(decoding: line, as: UTF8.self)
      while text.hasSuffix(" ") { text.removeLast() }
      return text
    }
  }

  /// Takes a byte of output.
  mutating func show(_ byte: UInt8) {
    if var sequence = escape {
      sequence.append(byte)
      escape = sequence
      // ESC, [, parameters, a letter.
      guard sequence.count > 2, byte >= 0x40 else { return }
      escape = nil
      if byte == UInt8(ascii: "H") { move(sequence.dropFirst(2).dropLast()) }
      return
    }
    guard byte != 0x1B else {
      escape = [byte]
      return
    }
    if byte >= 0x20, cells.indices.contains(row), cells[row].indices.contains(column) {
      cells[row][column] = byte
    }
    column += 1
  }

  private mutating func move(_ parameters: ArraySlice<UInt8>) {
    let numbers = String(decoding: parameters, as: UTF8.self).split(separator: ";")
      .map { Int($0) ?? 1 }
    row = (numbers.first ?? 1) - 1
    column = (numbers.count > 1 ? numbers[1] : 1) - 1
  }
}

/// Debian's memtest86+, started as a Linux kernel: it finds its machine and no error in it.
@Suite struct MemtestTests {
  private static let image = Guest.folder.appending(path: "memtest86+/boot/memtest86+x64.bin").path

  /// What takes the bit fade test out, which waits for 80 seconds of virtual time, twice.
  ///
  /// In the menu before the start: configuration, test selection, remove one test, number 10. The
  /// blank is what gets lost when memtest86+ sets its UART up.
  private static let keys = " 11210\n00\n"

  @Test(.enabled(if: FileManager.default.fileExists(atPath: image), Guest.absence))
  func onePassFindsNoError() throws {
    let machine = try Machine(
      image: .file(Self.image),
      configuration: MachineConfiguration(
        memory: 6 << 20, commandLine: "console=ttyS0,115200 nosmp nobench"))
    machine.console.send(Self.keys)
    var screen = TerminalScreen()
    machine.console.transmitted = { screen.show($0) }
    var isPassed = false
    while !isPassed {
      let stop = machine.run(limit: 500_000_000)
      try #require(stop == .instructionLimit, "\(stop)")
      try #require(machine.instructionCount < 16_000_000_000, "\(screen.lines)")
      isPassed = screen.lines[8].contains("Pass:  1")
    }
    #expect(screen.lines[0].hasPrefix("      Memtest86+ v6"))
    #expect(screen.lines[0].contains("emu x86-64 processor"))
    #expect(screen.lines[1].contains("1000MHz"))
    #expect(screen.lines[8].contains("Errors: 0 ") || screen.lines[8].hasSuffix("Errors: 0"))
  }
}

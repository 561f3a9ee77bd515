import GuestKernel
import Testing

/// What vi does to a text.
@Suite struct TextBufferTests {
  private func buffer(_ text: String) -> TextBuffer { TextBuffer(Array(text.utf8)) }
  private func text(_ buffer: TextBuffer) -> String {
    String(decoding: buffer.text, as: UTF8.self)
  }

  @Test func theTextItself() {
    #expect(text(buffer("a\nb\n")) == "a\nb\n")
    #expect(text(buffer("a\nb")) == "a\nb\n")
    #expect(text(buffer("")) == "")
    #expect(text(buffer("a\n\n")) == "a\n\n")
  }

  @Test func typing() {
    var buffer = buffer("  one\ntwo\n")
    buffer.move(row: 0, column: 99, isInserting: true)
    buffer.breakLine()
    buffer.insert(0x78)
    #expect(text(buffer) == "  one\n  x\ntwo\n")
    for _ in 0..<4 { buffer.deleteBackwards() }
    #expect(text(buffer) == "  one\ntwo\n")
    #expect(buffer.column == 5)
    buffer.openLine(below: false)
    #expect(text(buffer) == "  \n  one\ntwo\n")
    buffer.move(row: 0, column: 0)
    buffer.deleteBackwards()
    #expect(buffer.row == 0)
  }

  @Test func deletingAndPutting() {
    var buffer = buffer("1\n2\n3\n4\n")
    buffer.deleteLines(2)
    buffer.put(below: true)
    #expect(text(buffer) == "3\n1\n2\n4\n")
    buffer.move(row: 3, column: 0)
    buffer.deleteLines(9)
    #expect(text(buffer) == "3\n1\n2\n")
    #expect(buffer.row == 2)
    buffer.put(below: false)
    #expect(text(buffer) == "3\n1\n4\n2\n")
    buffer.move(row: 0, column: 0)
    buffer.deleteBytes(0..<1)
    buffer.move(row: 1, column: 0)
    buffer.put(below: true)
    #expect(text(buffer) == "\n13\n4\n2\n")
    buffer.joinLine()
    #expect(text(buffer) == "\n13 4\n2\n")
    buffer.deleteLines(9)
    buffer.move(row: 0, column: 0)
    buffer.deleteLines(9)
    #expect(text(buffer) == "")
    buffer.put(below: true)
    #expect(buffer.lines.count == 2)
  }

  @Test func undo() {
    var buffer = buffer("a\nb\n")
    let outcome1 = buffer.undo()
    #expect(!outcome1)
    buffer.remember()
    buffer.deleteLines(1)
    buffer.remember()
    buffer.deleteLines(1)
    let outcome2 = buffer.undo()
    #expect(outcome2)
    #expect(text(buffer) == "b\n")
    let outcome3 = buffer.undo()
    #expect(outcome3)
    #expect(text(buffer) == "a\nb\n")
    #expect(buffer.isChanged)
  }

  @Test func words() {
    var buffer = buffer("one.two  three\n  four\n")
    var places: [Int] = []
    for _ in 0..<4 {
      buffer.moveToNextWord()
      places.append(buffer.column)
    }
    #expect(places == [3, 4, 9, 2])
    #expect(buffer.row == 1)
    places = []
    for _ in 0..<4 {
      buffer.moveToPreviousWord()
      places.append(buffer.column)
    }
    #expect(places == [9, 4, 3, 0])
    #expect(buffer.endOfWord == 3)
  }

  @Test func searching() throws {
    var buffer = buffer("a b a\nc a\n")
    let expression = try RegularExpression(Array("a".utf8), isExtended: false)
    var places: [[Int]] = []
    for _ in 0..<3 {
      let outcome4 = buffer.search(expression, backwards: false)
      #expect(outcome4)
      places.append([buffer.row, buffer.column])
    }
    #expect(places == [[0, 4], [1, 2], [0, 0]])
    let outcome5 = buffer.search(expression, backwards: true)
    #expect(outcome5)
    #expect([buffer.row, buffer.column] == [1, 2])
    let nothing = try RegularExpression(Array("x".utf8), isExtended: false)
    let outcome6 = buffer.search(nothing, backwards: false)
    #expect(!outcome6)
  }

  @Test func substituting() throws {
    var buffer = buffer("aa\nb\naa\n")
    let changed = try buffer.substitute(0..<3, Array("s/a/x/g".utf8))
    #expect(changed == 2)
    #expect(text(buffer) == "xx\nb\nxx\n")
    let wrong = (try? buffer.substitute(0..<1, Array("s/a".utf8))) == nil
    #expect(wrong)
  }
}

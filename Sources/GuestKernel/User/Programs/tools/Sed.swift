/// sed: changes lines by a script.
import Apus

enum Sed {
  static let tool = Tool(
    name: "sed", usage: "sed [-Ein] [-e SCRIPT]... [-f FILE]... [SCRIPT] [FILE...]",
    summary: "changes lines by a script", run: run)

  private static func run(_ arguments: [[UInt8]]) -> Int32 {
    let options = Options(arguments, known: "nEirse:f:")
    var files = options.operands
    var scripts = options.values("e")
    for file in options.values("f") {
      do throws(SystemError) {
        scripts.append(try FileTree.contents(of: file, limit: 1 << 20))
      } catch {
        fail("\(text: file): \(error.name)", code: 2)
      }
    }
    if scripts.isEmpty {
      guard !files.isEmpty else { Usage.refuse("the script is missing") }
      scripts = [files.removeFirst()]
    }
    func editor() -> StreamEditor {
      do throws(StreamEditor.Failure) {
        return try StreamEditor(
          Array(scripts.joined(separator: [0x0a])),
          isExtended: options.has("E") || options.has("r"), isQuiet: options.has("n"))
      } catch {
        fail("\(error.message)", code: 2)
      }
    }
    guard options.has("i") else {
      var source = Source(files.isEmpty ? [[0x2d]] : files)
      var editor = editor()
      edit(&source, &editor) { say(bytes: $0) }
      return source.code
    }
    // Each file is a text of its own, and its result takes its place.
    var code: Int32 = 0
    for file in files {
      var source = Source([file])
      var editor = editor()
      var result: [UInt8] = []
      edit(&source, &editor) { result += $0 }
      code |= source.code
      if source.code == 0 {
        code |= forEachOperand([file]) { (name) throws(SystemError) in
          try FileTree.write(result, to: name)
        }
      }
    }
    return code
  }

  private static func edit(
    _ source: inout Source, _ editor: inout StreamEditor, _ print: ([UInt8]) -> Void
  ) {
    while !editor.hasQuit, let line = source.next() {
      editor.apply(line.line, isLast: line.isLast) { source.next() }
      print(editor.output)
      editor.output = []
    }
  }

  /// The lines of several files, each with the knowledge whether another follows.
  private struct Source {
    private var files: ArraySlice<[UInt8]>
    private var input: Input?
    private var waiting: [UInt8]?
    private(set) var code: Int32 = 0

    init(_ files: [[UInt8]]) {
      self.files = files[...]
      waiting = read()
    }

    mutating func next() -> (line: [UInt8], isLast: Bool)? {
      guard let line = waiting else { return nil }
      waiting = read()
      return (line, waiting == nil)
    }

    private mutating func read() -> [UInt8]? {
      while true {
        if let line = input?.line() { return line }
        input?.close()
        input = nil
        guard let name = files.popFirst() else { return nil }
        do throws(SystemError) {
          input = Input(name.equals("-") ? .input : try Descriptor.open(name))
        } catch {
          complain("\(text: name): \(error.name)")
          code = 1
        }
      }
    }
  }
}

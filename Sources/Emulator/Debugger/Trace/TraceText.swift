import Emulator

extension Trace {
  /// The header as text.
  public var headerText: String {
    let name = text == nil ? TraceHeader.binaryName : TraceHeader.textName
    return (TraceHeader.lines(self, name: name) + [""]).map { $0 + "\n" }.joined()
  }

  /// How many processors the machine has.
  public var processors: Int { machine.processors }

  /// The tracks with their bytes, unpacked.
  public var trackSizes: [(name: String, bytes: Int)] {
    [
      ("digests", digests.count * 8), ("events", events.count), ("flow", flow.count),
      ("deltas", deltas.count), ("files", embedded.values.reduce(0) { $0 + $1.count }),
    ]
  }

  /// Forgets all events of other kinds.
  public mutating func keep(_ kinds: EventKinds) {
    var coder = EventCoder()
    var writer = ByteWriter()
    eventCount = 0
    for event in decodedEvents() where kinds.contains(EventKinds(event.kind)) {
      coder.write(event, to: &writer)
      eventCount += 1
    }
    events = writer.bytes
    options.kinds.formIntersection(kinds)
  }

  /// Control flow as text: a line for each run of instructions.
  public func flowText(_ symbols: SymbolTable) -> String {
    var decoder = FlowDecoder(flow)
    var text = ""
    while let run = decoder.next() {
      let name = symbols.describe(run.start).map { " <\($0)>" } ?? ""
      text += "\(run.processor) \(run.start.hex)\(name) \(run.count)\n"
    }
    return text
  }

  /// Changes of registers and memory as text: a line for each instruction.
  public func deltaText(_ symbols: SymbolTable) -> String {
    var decoder = DeltaDecoder(deltas, processors: processors)
    var text = ""
    while let delta = decoder.next() {
      let name = symbols.describe(delta.rip).map { " <\($0)>" } ?? ""
      var parts = ["\(delta.processor) \(delta.rip.hex)\(name)"]
      for index in 0..<16 where delta.changed &>> UInt16(index) & 1 != 0 {
        parts.append("\(RegisterNames.general[index])=\(delta.registers[index].hex)")
      }
      parts.append("rflags=\(delta.flags.hex)")
      for change in delta.vectors {
        let name = change.number < 32 ? "xmm" : "ymm"
        parts.append("\(name)\(change.number % 32 / 2).\(change.number % 2)=\(change.value.hex)")
      }
      parts += delta.stores.map(\.text)
      text += parts.joined(separator: " ") + "\n"
    }
    return text
  }
}

/// Names of registers by number.
enum RegisterNames {
  static let general = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
  ]
}

extension MachineDescription {
  /// The contents of all files, by digest.
  public func contents(_ source: FileSource = FileSource()) throws -> [String: [UInt8]] {
    var contents: [String: [UInt8]] = [:]
    for file in files { contents[file.digest] = try source.content(of: file) }
    return contents
  }

  /// Takes the files as they are now.
  public mutating func refresh(_ source: FileSource) throws {
    for index in files.indices {
      let content = try source.content(of: files[index])
      files[index].digest = SHA256.hex(content)
      files[index].size = UInt64(content.count)
    }
  }
}

/// The lines in which two traces differ, with some around them.
public struct TraceDifference {
  private var lines: [String] = []
  private static let context = 3
  /// Lines that are compared with each other at most, to find where texts go on together.
  private static let window = 400

  /// Whether there is no difference.
  public var isEmpty: Bool { lines.isEmpty }

  /// The lines as `diff -u` marks them.
  public func text(name: String) -> String {
    "--- \(name)\n" + lines.map { $0 + "\n" }.joined()
  }

  /// Compares two lists of lines.
  public init(_ old: [String], _ new: [String]) {
    var (i, j) = (0, 0)
    var shown = 0
    while i < old.count || j < new.count {
      if i < old.count, j < new.count, old[i] == new[j] {
        if shown > 0 { lines.append("  " + old[i]) }
        shown -= 1
        (i, j) = (i + 1, j + 1)
        continue
      }
      if shown <= 0 {
        for index in max(0, i - Self.context)..<i { lines.append("  " + old[index]) }
      }
      let (removed, added) = Self.resynchronize(old[i...], new[j...])
      for line in old[i..<i + removed] { lines.append("- " + line) }
      for line in new[j..<j + added] { lines.append("+ " + line) }
      (i, j) = (i + removed, j + added)
      shown = Self.context
    }
  }

  /// How many lines of each to pass over until they agree again, as few as possible.
  private static func resynchronize(
    _ old: ArraySlice<String>, _ new: ArraySlice<String>
  ) -> (Int, Int) {
    let (i, j) = (old.startIndex, new.startIndex)
    for distance in 1...window {
      for removed in 0...distance {
        let added = distance - removed
        guard removed < old.count, added < new.count else { continue }
        if old[i + removed] == new[j + added] { return (removed, added) }
      }
    }
    return (min(old.count, window), min(new.count, window))
  }
}

import Emulator

extension Trace {
  private enum Section: UInt8 {
    case digests = 1
    case events = 2
    case flow = 3
    case deltas = 4
    case file = 5
    case checkpoint = 6
  }

  // MARK: Writing

  /// The binary form: the header as text, then everything else compressed.
  public func binary() throws(TraceError) -> [UInt8] {
    var writer = ByteWriter()
    var list = ByteWriter()
    for digest in digests { list.write(quadword: digest) }
    for (section, content) in [
      (Section.digests, list.bytes), (.events, events), (.flow, flow), (.deltas, deltas),
    ] where !content.isEmpty {
      writer.write(byte: section.rawValue)
      writer.write(content)
    }
    for (_, content) in embedded.sorted(by: { $0.key < $1.key }) {
      writer.write(byte: Section.file.rawValue)
      writer.write(content)
    }
    if let checkpoint {
      writer.write(byte: Section.checkpoint.rawValue)
      writer.write(checkpoint.bytes)
    }
    guard let packed = Zstandard.compress(writer.bytes) else {
      throw TraceError("there is not enough memory to compress the trace")
    }
    let header = TraceHeader.lines(self, name: TraceHeader.binaryName).map { $0 + "\n" }.joined()
    return Array((header + "\n").utf8) + packed
  }

  /// The text form: for reviews, and for what is kept beside sources.
  public func golden(symbols: SymbolTable? = nil) -> String {
    let header = TraceHeader.lines(self, name: TraceHeader.textName)
    return (header + [""] + lines(symbols: symbols).map(\.text)).map { $0 + "\n" }.joined()
  }

  // MARK: Reading

  /// Reads a trace in either form.
  public init(_ bytes: [UInt8], name: String) throws(TraceError) {
    if bytes.starts(with: Array(TraceHeader.textName.utf8)) {
      self = try Self.text(bytes, name: name)
    } else {
      self = try Self.binary(bytes, name: name)
    }
  }

  /// Reads the trace in a file.
  public init(path: String) throws {
    try self.init(HostFile.read(path), name: path)
  }

  private static func text(_ bytes: [UInt8], name: String) throws(TraceError) -> Trace {
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    guard let empty = lines.firstIndex(of: "") else {
      throw TraceError(name, "the header of this trace does not end with an empty line")
    }
    var trace = try TraceHeader.read(Array(lines[..<empty]), name, name: TraceHeader.textName)
    var body = Array(lines[(empty + 1)...])
    if body.last == "" { body.removeLast() }
    trace.text = body
    return trace
  }

  private static func binary(_ bytes: [UInt8], name: String) throws(TraceError) -> Trace {
    guard bytes.starts(with: Array(TraceHeader.binaryName.utf8)) else {
      throw TraceError(
        name,
        "this is no trace: it begins neither with \"\(TraceHeader.binaryName)\" nor with "
          + "\"\(TraceHeader.textName)\"")
    }
    var end = 0
    while end + 1 < bytes.count, bytes[end] != 0x0A || bytes[end + 1] != 0x0A { end += 1 }
    guard end + 1 < bytes.count else {
      throw TraceError(name, "the header of this trace does not end with an empty line")
    }
    let lines = bytes[..<end].split(separator: 0x0A, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    var trace = try TraceHeader.read(lines, name, name: TraceHeader.binaryName)
    guard let body = Zstandard.decompress(bytes[(end + 2)...]) else {
      throw TraceError(name, "the trace is damaged behind its header: zstd cannot unpack it")
    }
    var reader = ByteReader(body)
    while !reader.isAtEnd {
      guard let tag = reader.byte(), let content = reader.content() else {
        throw TraceError(name, "the trace is damaged: a track ends too early")
      }
      guard let section = Section(rawValue: tag) else {
        throw TraceError(name, "the trace has a track of a kind (\(tag)) that nobody knows")
      }
      try trace.take(section, content, name)
    }
    return trace
  }

  private mutating func take(
    _ section: Section, _ content: [UInt8], _ name: String
  ) throws(TraceError) {
    switch section {
    case .digests:
      guard content.count % 8 == 0 else {
        throw TraceError(name, "the trace is damaged: its digest track has no whole number of them")
      }
      var reader = ByteReader(content)
      while let digest = reader.quadword() { digests.append(digest) }
    case .events:
      events = content
      var coder = EventCoder()
      var reader = ByteReader(content)
      while !reader.isAtEnd {
        guard coder.read(&reader) != nil else {
          throw TraceError(name, "the trace is damaged: event \(eventCount) makes no sense")
        }
        eventCount += 1
      }
    case .flow: flow = content
    case .deltas: deltas = content
    case .file: embedded[SHA256.hex(content)] = content
    case .checkpoint:
      guard let checkpoint = Checkpoint(bytes: content) else {
        throw TraceError(name, "the trace is damaged: its checkpoint makes no sense")
      }
      self.checkpoint = checkpoint
    }
  }
}

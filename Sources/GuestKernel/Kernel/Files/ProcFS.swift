/// The registry behind /proc: whoever has something to tell adds a name and a closure that writes the
/// text; nothing is stored, each reader gets what is true at that moment.
enum ProcFS {
  typealias Reader = (inout Text) -> Void
  /// Takes what a program wrote into the file; nil when it is content.
  typealias Writer = ([UInt8]) -> SystemError?

  final class Entry {
    /// Below /proc, with slashes between the directories.
    let path: [UInt8]
    let read: Reader
    let write: Writer?

    init(path: [UInt8], read: @escaping Reader, write: Writer?) {
      self.path = path
      self.read = read
      self.write = write
    }
  }

  /// Lock: interrupts off.
  nonisolated(unsafe) private(set) static var entries: [Entry] = []

  /// What belongs to no other part of the kernel.
  static func start() {
    add("version") { $0.append("Apus, a teaching kernel in Embedded Swift, x86-64\n") }
    add("uptime") { text in
      let centiseconds = Clock.nanoseconds / 10_000_000
      var line: TextLine = "\(centiseconds / 100)."
      line.append(decimal: centiseconds % 100, width: 2, fill: 0x30)
      text.append("\(line)\n")
    }
  }

  /// Publishes `/proc/PATH`; a second one of the same name takes the first one's place.
  ///
  ///     ProcFS.add("meminfo") { text in text.append("free \(Frames.freeBytes)\n") }
  static func add(_ path: StaticString, write: Writer? = nil, _ read: @escaping Reader) {
    add([UInt8](text: path), write: write, read)
  }

  static func add(_ path: [UInt8], write: Writer? = nil, _ read: @escaping Reader) {
    remove(path)
    let entry = Entry(path: path, read: read, write: write)
    withInterruptsOff { entries.append(entry) }
  }

  static func remove(_ path: [UInt8]) {
    withInterruptsOff { entries.removeAll { $0.path == path } }
  }

  static func find(_ path: [UInt8]) -> Entry? {
    withInterruptsOff {
      for entry in entries where entry.path == path { return entry }
      return nil
    }
  }

  static func text(of entry: Entry) -> Text {
    var text = Text()
    entry.read(&text)
    return text
  }
}

/// /proc/kallsyms: the symbols of the kernel and of its modules by address, as tools that name addresses
/// want them.
///
/// Where the kernel lies is root's business: to others all addresses are 0. There are thousands of lines, so
/// that none is kept: each is made when it is read.
import KernelArch

final class SymbolList: OpenFile {
  private let showsAddresses: Bool
  /// Those there were when the file was opened; a module that has gone keeps what it said.
  private let modules: [Module]
  private let lock = Mutex("symbol list")
  // Lock for these: `lock`.
  private var position: UInt64 = 0
  /// A line, and where it begins: reading mostly goes on there.
  private var cursor = Cursor()

  private struct Cursor {
    var offset: UInt64 = 0
    /// Counts the kernel's symbols, then those of one module after the other.
    var index = 0
    /// 0 is the kernel.
    var owner = 0
  }

  static func start() {
    ProcFS.tree.addFile([UInt8](text: "kallsyms")) { (inode, flags, path) in
      SymbolList(inode, flags, path)
    }
  }

  override init(_ inode: Inode?, _ flags: OpenFlags, _ path: Path?) {
    showsAddresses = Permission.isSuperuser
    modules = Modules.all
    super.init(inode, flags, path)
  }

  override var isStream: Bool { false }

  override func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
    lock.withLock {
      let count = readPart(at: position, buffer)
      position += UInt64(count)
      return count
    }
  }

  override func read(
    at position: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    lock.withLock { readPart(at: position, buffer) }
  }

  override func seek(_ offset: Int64, _ origin: SeekOrigin) throws(SystemFailure) -> UInt64 {
    guard origin != .end else { throw SystemFailure(.invalidArgument) }
    lock.lock()
    defer { lock.unlock() }
    position = try OpenFile.target(offset, origin, position: position, end: 0)
    return position
  }

  private func readPart(at position: UInt64, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    if position < cursor.offset { cursor = Cursor() }
    var done = 0
    while done < buffer.count, let line = line() {
      let end = cursor.offset + UInt64(line.count)
      let at = position + UInt64(done)
      if at < end {
        let skipped = Int(at - cursor.offset)
        let part = min(line.count - skipped, buffer.count - done)
        line.withBytes { bytes in
          for index in 0..<part { buffer[done + index] = bytes[skipped + index] }
        }
        done += part
        // The rest of it is for the next time.
        if skipped + part < line.count { break }
      }
      cursor.offset = end
      cursor.index += 1
    }
    return done
  }

  /// The line at the cursor; nil after the last one.
  private func line() -> TextLine? {
    if cursor.owner == 0 {
      if cursor.index < Symbols.count {
        let symbol = Symbols.symbol(cursor.index)
        return line(symbol.address, symbol.isCode ? "t" : "d", symbol.name, "")
      }
      (cursor.owner, cursor.index) = (1, 0)
    }
    while cursor.owner <= modules.count {
      let module = modules[cursor.owner - 1]
      if cursor.index < module.symbols.count {
        let symbol = module.symbols[cursor.index]
        let isCode = module.containsCode(symbol.address)
        let type: StaticString = symbol.isExported ? isCode ? "T" : "D" : isCode ? "t" : "d"
        return line(
          symbol.address, type, "\(text: symbol.readableName)", "\t[\(text: module.name)]")
      }
      (cursor.owner, cursor.index) = (cursor.owner + 1, 0)
    }
    return nil
  }

  /// As Linux has it: sixteen digits, a letter as `nm` prints it, the name, the module.
  private func line(
    _ address: UInt64, _ type: StaticString, _ name: TextLine, _ owner: TextLine
  ) -> TextLine {
    var line = TextLine()
    let shown = showsAddresses ? address : 0
    for position in stride(from: UInt64(60), through: 0, by: -4) {
      let digit = UInt8(truncatingIfNeeded: shown >> position & 15)
      line.append(byte: digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
    line.append(line: " \(type) ")
    // The end of a line must not be cut off.
    let room = TextLine.capacity - line.count - owner.count - 1
    for index in 0..<min(name.count, room) { line.append(byte: name[index]) }
    line.append(line: owner)
    line.append("\n")
    return line
  }
}

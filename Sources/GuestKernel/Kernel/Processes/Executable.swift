/// A file that is to be executed: an ELF64 program, or a script that names its interpreter.
///
/// Only the headers are read here. The segments are mapped, and their pages come from the page cache when
/// they are touched: a program may be far larger than memory, as long as it does not need all of itself.
import KernelArch

struct Executable {
  let path: [UInt8]
  let image: ELFProgram
  private let content: Content
  /// Whose rights the program has, when its file says that it is not the caller's.
  let owner: Owner

  struct Owner {
    var user: UInt32?
    var group: UInt32?

    init(_ inode: Inode) {
      let (setsUser, setsGroup): (UInt16, UInt16) = (0o4000, 0o2000)
      if inode.mode.permissions & setsUser != 0 { user = inode.userID }
      if inode.mode.permissions & setsGroup != 0 { group = inode.groupID }
    }

    /// What the caller becomes; a process whose calls are filtered gains nothing, since the filter could
    /// make such a program err.
    var credentials: Credentials {
      var credentials = Permission.callersCredentials
      let isFiltered = Process.current.callFilter != nil
      credentials.execute(asUser: isFiltered ? nil : user, asGroup: isFiltered ? nil : group)
      return credentials
    }
  }

  /// Where the pages come from.
  private enum Content {
    /// The kernel's image.
    case resident(UnsafeRawBufferPointer)
    case file(ProgramFile)
  }

  /// The last part of the path, which `ps` shows.
  var name: [UInt8] {
    path.split(separator: 0x2f).last.map { Array($0) } ?? path
  }

  /// Finds the file and follows `#!` lines, which add their words to the arguments.
  static func find(
    _ path: [UInt8], _ arguments: inout [[UInt8]]
  ) throws(SystemFailure) -> Executable {
    var path = path
    let longestChain = 4
    for _ in 0..<longestChain {
      let inode = try PathWalk.resolve(path).inode
      guard inode.kind == .regular else { throw SystemFailure(.accessDenied) }
      try Permission.check(inode, .execute)
      let file = try ProgramFile(inode)
      let start = try file.start(Int(pageSize))
      guard let line = ScriptLine(Array(start.prefix(128))) else {
        return try program(path, file, start, Owner(inode))
      }
      let rest = arguments.dropFirst()
      arguments = [line.interpreter]
      if let argument = line.argument { arguments.append(argument) }
      arguments.append(path)
      arguments += rest
      path = line.interpreter
    }
    throw SystemFailure(.tooManyLinks)
  }

  private static func program(
    _ path: [UInt8], _ file: ProgramFile, _ start: [UInt8], _ owner: Owner
  ) throws(SystemFailure) -> Executable {
    var start = start
    // Linkers put the program headers behind the ELF header; others may be far away, but not too far.
    let farthest: UInt64 = 64 << 10
    let end = start.withUnsafeBytes { ELFProgram.headersEnd($0) } ?? 0
    if end > UInt64(start.count), end <= farthest { start = try file.start(Int(end)) }
    let size = file.inode.size
    let result = start.withUnsafeBytes { buffer -> Result<ELFProgram, ELFError> in
      do throws(ELFError) {
        return .success(try ELFProgram(buffer, size: size, within: Layout.userSpace))
      } catch {
        return .failure(error)
      }
    }
    switch result {
    case .success(var image):
      if image.isMovable { image.move(by: Randomization.programDistance) }
      let content = file.inode.residentContent.map { Content.resident($0) } ?? .file(file)
      return Executable(path: path, image: image, content: content, owner: owner)
    case .failure(let error):
      log("exec", "\(text: path): \(error.name)")
      throw SystemFailure(.badExecutable)
    }
  }

  /// Maps all segments; false when there is no memory for that.
  func load(into space: AddressSpace) -> Bool {
    let object: MemoryObject
    switch content {
    case .resident(let bytes):
      object = ImageObject.of(bytes, name: path)
    case .file(let file):
      guard let pages = PageCache.object(of: file.inode, name: path) else { return false }
      object = pages
      space.program = file
    }
    for segment in image.segments where !space.load(segment, of: object) { return false }
    return true
  }
}

/// A file while it is being run: nobody may write to it, since its pages are the program.
///
/// An address space keeps one, those that `fork` makes of it the same; the last lets the file go.
final class ProgramFile {
  let inode: Inode

  init(_ inode: Inode) throws(SystemFailure) {
    guard inode.hold() else { throw SystemFailure(.notFound) }
    guard inode.beginExecution() else {
      inode.drop()
      throw SystemFailure(.textBusy)
    }
    self.inode = inode
  }

  deinit {
    inode.endExecution()
    inode.drop()
  }

  /// The first bytes of the file.
  fileprivate func start(_ count: Int) throws(SystemFailure) -> [UInt8] {
    PageCache.willRead(inode)
    inode.lock.lock()
    defer { inode.lock.unlock() }
    var bytes = [UInt8](repeating: 0, count: count)
    let got = try bytes.withUnsafeMutableBytes { buffer in
      SystemCalls.outcome { () throws(SystemFailure) in try inode.read(at: 0, into: buffer) }
    }.get()
    bytes.removeLast(count - got)
    return bytes
  }
}

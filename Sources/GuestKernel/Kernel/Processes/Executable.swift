/// A file that is to be executed: an ELF64 program, or a script that names its interpreter.
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

  /// Where the bytes are.
  private enum Content {
    /// In the kernel's image: pages are shared with everybody who runs the program.
    case resident(UnsafeRawBufferPointer)
    case copied([UInt8])
  }

  /// The most that is read of a file that cannot be mapped.
  private static let largestFile: UInt64 = 16 << 20

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
      let (content, owner) = try read(path)
      guard let line = ScriptLine(start(of: content)) else {
        return try program(path, content, owner)
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

  private static func read(_ path: [UInt8]) throws(SystemFailure) -> (Content, Owner) {
    let inode = try PathWalk.resolve(path).inode
    guard inode.kind == .regular else { throw SystemFailure(.accessDenied) }
    try Permission.check(inode, .execute)
    let owner = Owner(inode)
    if let content = inode.residentContent { return (.resident(content), owner) }
    guard inode.hold() else { throw SystemFailure(.notFound) }
    defer { inode.drop() }
    inode.lock.lock()
    defer { inode.lock.unlock() }
    guard inode.size <= largestFile else { throw SystemFailure(.fileTooLarge) }
    var bytes = [UInt8](repeating: 0, count: Int(inode.size))
    let outcome = bytes.withUnsafeMutableBytes { buffer -> Result<Int, SystemFailure> in
      do throws(SystemFailure) {
        return .success(try inode.read(at: 0, into: buffer))
      } catch {
        return .failure(error)
      }
    }
    bytes.removeLast(bytes.count - (try outcome.get()))
    return (.copied(bytes), owner)
  }

  private static func start(of content: Content) -> [UInt8] {
    switch content {
    case .resident(let bytes): Array(bytes.prefix(128))
    case .copied(let bytes): Array(bytes.prefix(128))
    }
  }

  private static func program(
    _ path: [UInt8], _ content: Content, _ owner: Owner
  ) throws(SystemFailure) -> Executable {
    do throws(ELFError) {
      return Executable(path: path, image: try parse(content), content: content, owner: owner)
    } catch {
      log("exec", "\(text: path): \(error.name)")
      throw SystemFailure(.badExecutable)
    }
  }

  private static func parse(_ content: Content) throws(ELFError) -> ELFProgram {
    switch content {
    case .resident(let bytes): return try ELFProgram(bytes, within: Layout.userSpace)
    case .copied(let bytes):
      let result = bytes.withUnsafeBytes { buffer -> Result<ELFProgram, ELFError> in
        do throws(ELFError) {
          return .success(try ELFProgram(buffer, within: Layout.userSpace))
        } catch {
          return .failure(error)
        }
      }
      return try result.get()
    }
  }
}

// MARK: Into memory

extension Executable {
  func load(into space: AddressSpace) -> Bool {
    switch content {
    case .resident(let bytes):
      let object = ImageObject.of(bytes, name: path)
      for segment in image.segments where !space.load(segment, of: object, contents: bytes) {
        return false
      }
    case .copied(let bytes):
      for segment in image.segments {
        guard bytes.withUnsafeBytes({ Executable.copy(segment, $0, into: space) }) else {
          return false
        }
      }
    }
    return true
  }

  private static func copy(
    _ segment: ELFProgram.Segment, _ file: UnsafeRawBufferPointer, into space: AddressSpace
  ) -> Bool {
    var protection: Protection = .read
    if segment.isWritable { protection.insert(.write) }
    if segment.isExecutable { protection.insert(.execute) }
    space.heapStart = max(space.heapStart, segment.endPage)
    space.heapEnd = space.heapStart
    let mapped = space.map(
      at: segment.firstPage, size: segment.endPage - segment.firstPage, protection,
      replacing: false)
    guard case .success = mapped else { return false }
    let start = Int(segment.fileOffset)
    return space.fill(
      segment.address,
      from: UnsafeRawBufferPointer(rebasing: file[start..<start + Int(segment.fileSize)]))
  }
}

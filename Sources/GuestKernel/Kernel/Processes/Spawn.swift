/// From a file to a running process.
import KernelArch

enum Spawn {
  static let longestArguments = 2048

  /// Starts the program that the first argument names.
  static func start(
    _ arguments: [[UInt8]], parent: Int, isForeground: Bool
  ) throws(SystemFailure) -> Int {
    guard let name = arguments.first, let file = Files.find(name) else {
      throw SystemFailure(.notFound)
    }
    let image: ELFProgram
    do throws(ELFError) {
      image = try ELFProgram(file.contents, within: Layout.userSpace)
    } catch {
      log("spawn", "\(text: name): \(error.name)")
      throw SystemFailure(.badExecutable)
    }
    guard let space = AddressSpace() else { throw SystemFailure(.outOfMemory) }
    guard load(image, file.contents, name: name, into: space),
      let stackPointer = writeArguments(arguments, into: space),
      let stack = KernelStacks.allocate()
    else {
      space.release()
      throw SystemFailure(.outOfMemory)
    }
    let process = Process(
      pid: Scheduler.nextID, name: name, parent: parent, space: space)
    process.files = Processes.find(parent)?.files?.fork() ?? FileTable.initial()
    Processes.add(process)
    let thread = Scheduler.add(name: name, process: process, stackTop: stack)
    thread.start(user: image.entry, stackPointer: stackPointer)
    if isForeground { Console.foreground = process.pid }
    Scheduler.makeReady(thread)
    return process.pid
  }

  private static func load(
    _ image: ELFProgram, _ file: UnsafeRawBufferPointer, name: [UInt8],
    into space: AddressSpace
  ) -> Bool {
    let object = ImageObject.of(file, name: name)
    for segment in image.segments where !space.load(segment, of: object, contents: file) {
      return false
    }
    return space.makeStack()
  }

  /// Lays out argc, argv and an empty environment at the top of the stack, as the System V ABI has it;
  /// returns the stack pointer.
  private static func writeArguments(
    _ arguments: [[UInt8]], into space: AddressSpace
  ) -> UInt64? {
    var strings: [UInt8] = []
    var offsets: [Int] = []
    for argument in arguments {
      offsets.append(strings.count)
      strings += argument
      strings.append(0)
    }
    let stringsAt = (space.stackTop - UInt64(strings.count)) & ~15
    var words: [UInt64] = [UInt64(arguments.count)]
    for offset in offsets { words.append(stringsAt + UInt64(offset)) }
    words += [0, 0]
    let stackPointer = (stringsAt - UInt64(words.count * 8)) & ~15
    let isWritten =
      strings.withUnsafeBytes { space.fill(stringsAt, from: $0) }
      && words.withUnsafeBytes { space.fill(stackPointer, from: $0) }
    return isWritten ? stackPointer : nil
  }
}

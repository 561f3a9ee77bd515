/// A file that is to be executed: an ELF64 program, or a script that names its interpreter.
import KernelArch

struct Executable {
  let path: [UInt8]
  let image: ELFProgram
  let object: MemoryObject
  let contents: UnsafeRawBufferPointer

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
      guard let file = file(at: path) else { throw SystemFailure(.notFound) }
      let start = Array(file.contents.prefix(128))
      guard let line = ScriptLine(start) else { return try program(path, file) }
      let rest = arguments.dropFirst()
      arguments = [line.interpreter]
      if let argument = line.argument { arguments.append(argument) }
      arguments.append(path)
      arguments += rest
      path = line.interpreter
    }
    throw SystemFailure(.tooManyLinks)
  }

  private static func file(at path: [UInt8]) -> File? {
    if let file = Files.find(path) { return file }
    guard let name = path.split(separator: 0x2f).last else { return nil }
    return Files.find(Array(name))
  }

  private static func program(_ path: [UInt8], _ file: File) throws(SystemFailure) -> Executable {
    do throws(ELFError) {
      let image = try ELFProgram(file.contents, within: Layout.userSpace)
      let object = withInterruptsOff { ImageObject.of(file.contents, name: file.name) }
      return Executable(path: path, image: image, object: object, contents: file.contents)
    } catch {
      log("exec", "\(text: path): \(error.name)")
      throw SystemFailure(.badExecutable)
    }
  }
}

import ArgumentParser
import Emulator

/// `emu inspect`: says what an image is and how it would boot.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what an image is, how it would boot, its segments, notes and symbols.")

  @Argument(help: "The file.")
  var image: String

  @Option(
    name: .customLong("protocol"),
    help: ArgumentHelp(
      "How to start an image that offers several ways; otherwise the first of this list.",
      valueName: "name"))
  var bootProtocol: BootProtocol?

  func run() throws {
    do {
      let bytes = try HostFile.read(image)
      print(try ImageDescription(bytes, name: image, bootProtocol: bootProtocol).text)
    } catch let error as any CustomStringConvertible & Error {
      throw Failure(error, status: ExitStatus.unusableFile)
    }
  }
}

import Emulator
import Foundation

/// A snapshot in a file, with the inputs that had come before it.
///
/// The file belongs to the version of this program that wrote it, and to machines of the same image
/// and configuration.
public struct SnapshotFile {
  /// Why a file is no snapshot of a machine.
  public struct Failure: Error, CustomStringConvertible {
    /// One sentence.
    public let description: String
  }

  private static let magic = Array("emu snapshot\n".utf8)

  /// Writes a machine's state and past inputs.
  ///
  /// - Throws: What `FileBackend` throws.
  public static func save(_ machine: Machine, to path: String) throws {
    let content = try bytes(of: machine)
    try FileBackend(path: path).send(content)
  }

  /// Puts a machine where the one was that was saved.
  ///
  /// - Throws: `Failure`, or what `HostFile` throws.
  public static func restore(_ machine: Machine, from path: String) throws {
    try restore(machine, bytes: HostFile.read(path), name: path)
  }

  /// The content of a file for a machine's present state.
  package static func bytes(of machine: Machine) throws -> [UInt8] {
    let coding = JSONStateCoding()
    let snapshot = try machine.encode(machine.snapshot(), with: coding)
    let inputs = try coding.encode(machine.inputLog)
    var content = number(UInt64(inputs.count)) + inputs
    content += snapshot
    var digest = StateDigest()
    digest.add(content)
    return magic + number(digest.value) + content
  }

  package static func restore(_ machine: Machine, bytes: [UInt8], name: String) throws {
    let head = magic.count + 16
    guard bytes.count >= head, bytes.starts(with: magic) else {
      throw Failure(description: "\(name): this is no snapshot of emu")
    }
    let content = Array(bytes[(magic.count + 8)...])
    var digest = StateDigest()
    digest.add(content)
    guard number(digest.value) == Array(bytes[magic.count..<magic.count + 8]) else {
      throw Failure(description: "\(name): the snapshot is damaged: its checksum is wrong")
    }
    let inputCount = content[..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    guard let count = Int(exactly: inputCount), count <= content.count - 8 else {
      throw Failure(description: "\(name): the snapshot is damaged: its inputs end too early")
    }
    let coding = JSONStateCoding()
    do {
      let inputs = try coding.decode(InputLog.self, from: Array(content[8..<8 + count]))
      let snapshot = try machine.decodeSnapshot(Array(content[(8 + count)...]), with: coding)
      machine.restore(snapshot, inputs: inputs)
    } catch SnapshotCodingError.otherVersion {
      throw Failure(description: "\(name): the snapshot was made by another version of emu")
    } catch SnapshotCodingError.otherMachine {
      throw Failure(
        description:
          "\(name): the snapshot is of a machine with other memory, processors or devices")
    } catch {
      throw Failure(description: "\(name): the snapshot is damaged")
    }
  }

  private static func number(_ value: UInt64) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

/// States as JSON, which says the names of their parts.
private struct JSONStateCoding: StateCoding {
  func encode(_ state: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    // A state may be a plain value; JSON wants something around it.
    return Array(try encoder.encode([state]))
  }

  func decode<State: Decodable>(_ type: State.Type, from bytes: [UInt8]) throws -> State {
    let states = try JSONDecoder().decode([State].self, from: Data(bytes))
    guard let state = states.first else { throw SnapshotCodingError.malformed }
    return state
  }
}

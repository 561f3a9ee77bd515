/// ulimit: how much of each resource the shell and what it starts may have.
import Apus

enum Limits {
  private struct Entry {
    let letter: Unicode.Scalar
    let resource: Resource
    /// In bytes, where it is about bytes.
    let unit: UInt64
    let meaning: StaticString
  }

  private static let all: [Entry] = [
    Entry(letter: "d", resource: .data, unit: 1024, meaning: "data, KiB"),
    Entry(letter: "f", resource: .fileSize, unit: 512, meaning: "a file, blocks of 512 bytes"),
    Entry(letter: "i", resource: .pendingSignals, unit: 1, meaning: "signals that wait"),
    Entry(letter: "l", resource: .lockedMemory, unit: 1024, meaning: "locked memory, KiB"),
    Entry(letter: "n", resource: .openFiles, unit: 1, meaning: "open files"),
    Entry(letter: "s", resource: .stack, unit: 1024, meaning: "the stack, KiB"),
    Entry(letter: "t", resource: .processorTime, unit: 1, meaning: "processor time, seconds"),
    Entry(letter: "u", resource: .processes, unit: 1, meaning: "threads of the user"),
    Entry(letter: "v", resource: .addressSpace, unit: 1024, meaning: "the address space, KiB"),
  ]

  static let builtIn = BuiltIn(
    name: "ulimit", usage: "ulimit [-SH] [-a | -dfilnstuv] [NUMBER | unlimited]",
    summary: "limits for what it starts", run: run)

  private static func run(_ shell: Shell, _ words: [[UInt8]]) -> Int32 {
    var (onlySoft, onlyHard, showsAll) = (false, false, false)
    var chosen: Entry?
    var rest = words.dropFirst()
    while let word = rest.first, word.count > 1, word[0] == 0x2d {
      rest = rest.dropFirst()
      for letter in word.dropFirst() {
        switch Unicode.Scalar(letter) {
        case "S": onlySoft = true
        case "H": onlyHard = true
        case "a": showsAll = true
        default:
          guard let entry = all.first(where: { UInt8(ascii: $0.letter) == letter }) else {
            return BuiltIn.misused
          }
          chosen = entry
        }
      }
    }
    guard rest.count <= 1 else { return BuiltIn.misused }
    let entry = chosen ?? all[1]
    do throws(SystemError) {
      guard let text = rest.first else {
        for entry in showsAll ? all : [entry] {
          let limit = try ResourceLimit.get(entry.resource)
          if showsAll {
            say("-\(text: [UInt8(ascii: entry.letter)])  \(entry.meaning, padded: 30)")
          }
          show(onlyHard ? limit.hard : limit.soft, entry)
        }
        return 0
      }
      var limit = try ResourceLimit.get(entry.resource)
      var value = ResourceLimit.infinity
      if text.equals("hard") {
        value = limit.hard
      } else if text.equals("soft") {
        value = limit.soft
      } else if !text.equals("unlimited") {
        guard let number = text.decimal, number < UInt64.max / entry.unit else {
          return BuiltIn.misused
        }
        value = number * entry.unit
      }
      if !onlyHard || onlySoft { limit.soft = value }
      if !onlySoft || onlyHard { limit.hard = value }
      try ResourceLimit.set(entry.resource, limit.soft, limit.hard)
      return 0
    } catch {
      complain("ulimit: \(error.name)")
      return 1
    }
  }

  private static func show(_ value: UInt64, _ entry: Entry) {
    if value == ResourceLimit.infinity {
      say("unlimited\n")
    } else {
      say("\(value / entry.unit)\n")
    }
  }
}

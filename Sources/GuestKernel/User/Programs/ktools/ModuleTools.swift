/// lsmod, insmod, modprobe, rmmod, modinfo.
import Apus

enum ModuleTools {
  static func list(_ arguments: [[UInt8]]) throws(SystemError) -> Int32 {
    guard arguments.isEmpty else { return 2 }
    say("Module                  Size  Used by\n")
    for line in try FileTree.contents(of: path("/proc/modules")).split(separator: 0x0a) {
      let words = Words.split(Array(line))
      guard words.count >= 4 else { continue }
      var text: TextLine = "\(text: words[0])"
      text.pad(to: 18)
      text.append(decimal: words[1].decimal ?? 0, width: 10)
      text.append(decimal: words[2].decimal ?? 0, width: 3)
      if !words[3].equals("-") { text.append(line: " \(text: words[3])") }
      say("\(text)\n")
    }
    return 0
  }

  private static func joined(_ words: ArraySlice<[UInt8]>) -> [UInt8] {
    Array(words.joined(separator: [0x20]))
  }

  static func insert(_ arguments: [[UInt8]]) throws(SystemError) -> Int32 {
    guard let file = arguments.first else { return 2 }
    let descriptor = try Descriptor.open(file)
    defer { try? descriptor.close() }
    let outcome = joined(arguments[1...]).withPath {
      Call.finit_module(descriptor.rawValue, $0, 0)
    }
    return report(outcome, "insert", file)
  }

  static func probe(_ arguments: [[UInt8]]) throws(SystemError) -> Int32 {
    guard let name = arguments.first else { return 2 }
    let outcome = joined(arguments[1...]).withPath { parameters in
      name.withPath { Call.request_module($0, parameters) }
    }
    return report(outcome, "load", name)
  }

  static func remove(_ arguments: [[UInt8]]) throws(SystemError) -> Int32 {
    let byForce = arguments.first?.equals("-f") ?? false
    let names = arguments.dropFirst(byForce ? 1 : 0)
    guard !names.isEmpty else { return 2 }
    var status: Int32 = 0
    for name in names {
      let truncate: UInt64 = 0x200
      let outcome = name.withPath { Call.delete_module($0, byForce ? truncate : 0) }
      status = max(status, report(outcome, "remove", name))
    }
    return status
  }

  private static func report(
    _ outcome: Outcome, _ what: StaticString, _ name: [UInt8]
  ) -> Int32 {
    guard let error = outcome.error else { return 0 }
    complain("cannot \(what) \(text: name): \(error.name); dmesg may say why")
    return 1
  }

  static func describe(_ arguments: [[UInt8]]) throws(SystemError) -> Int32 {
    guard let name = arguments.first else { return 2 }
    let file =
      name.contains(0x2f) || name.contains(0x2e)
      ? name : path("/lib/modules/") + name + path(".ko")
    let bytes = try FileTree.contents(of: file)
    let section: [UInt8]? = bytes.withUnsafeBytes { buffer in
      let module = ModuleSignature.split(buffer).module
      guard let object = try? ModuleObject(module) else { return nil }
      return object.section(named: ".modinfo").map { Array(object.bytes(of: $0)) }
    }
    guard let section else {
      complain("\(text: file) is not a module")
      return 1
    }
    say("filename:    \(text: file)\n")
    print(ModuleDescription(section))
    let isSigned = bytes.withUnsafeBytes { ModuleSignature.split($0).signature != nil }
    say("signed:      \(isSigned ? "Ed25519" as StaticString : "no")\n")
    return 0
  }

  private static func print(_ about: ModuleDescription) {
    say("name:        \(text: about.name)\n")
    say("description: \(text: about.description)\n")
    say("author:      \(text: about.author)\n")
    say("license:     \(text: about.license)\n")
    say("depends:     \(text: joined(about.depends[...]))\n")
    say("kernel:      \(text: about.identity)\n")
    for parameter in about.parameters {
      say(
        "parameter:   \(text: parameter.name) (\(parameter.type.name)): \(text: parameter.meaning)\n"
      )
    }
  }
}

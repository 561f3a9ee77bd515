// kconfig check OPTIONS CONFIG   says what is wrong with a configuration
// kconfig menu OPTIONS CONFIG    asks for each option, and writes the configuration
// kconfig write OPTIONS CONFIG OUT   what the build needs of it: OUT with arguments for the compiler, beside
//                                it Configuration/Configuration.swift and Configuration/assembly.rsp
// kconfig minimal OPTIONS        prints the smallest configuration that is valid
// kconfig pairs OPTIONS          prints what to leave out in a few kernels, a line each, so that of each two
//                                options there is a kernel with both, with either, and with neither
import Foundation

/// One entry of kernel.options.
struct Option {
  var name: String
  /// Nil for yes or no.
  var range: ClosedRange<Int>?
  var standard: String
  var needs: String?
  var meaning = ""

  /// Why `value` will not do, or nil.
  func objection(to value: String) -> String? {
    guard let range else {
      return value == "yes" || value == "no" ? nil : "\(name) must be yes or no, not \(value)"
    }
    guard let number = Int(value), range.contains(number) else {
      return "\(name) must be a number from \(range.lowerBound) to \(range.upperBound)"
    }
    let mustBePower = name.hasSuffix("_RECORDS")
    return mustBePower && number & (number - 1) != 0 ? "\(name) must be a power of two" : nil
  }
}

/// Reads kernel.options.
func readOptions(_ path: String) -> [Option] {
  var options: [Option] = []
  for line in read(path).split(separator: "\n") where !line.hasPrefix("#") {
    let words = line.split(separator: " ").map(String.init)
    if words.first == "option", words.count == 4 || words.count == 6 && words[4] == "needs" {
      let bounds = words[2].components(separatedBy: "..").compactMap { Int($0) }
      let isRange = bounds.count == 2 && bounds[0] <= bounds[1]
      guard isRange || words[2] == "yes-no" else {
        fail("\(path): \(words[1]) is neither yes-no nor a range like 1..64: \(words[2])")
      }
      let option = Option(
        name: words[1], range: isRange ? bounds[0]...bounds[1] : nil,
        standard: words[3], needs: words.count == 6 ? words[5] : nil)
      if let objection = option.objection(to: option.standard) { fail("\(path): \(objection)") }
      if options.contains(where: { $0.name == option.name }) {
        fail("\(path): \(option.name) is there twice")
      }
      if let needs = option.needs,
        !options.contains(where: { $0.name == needs && $0.range == nil })
      {
        fail("\(path): \(option.name) needs \(needs), which is no yes-no option before it")
      }
      options.append(option)
    } else if line.hasPrefix("  "), !options.isEmpty {
      options[options.count - 1].meaning += line.trimmingCharacters(in: .whitespaces) + " "
    } else {
      fail("\(path): not understood: \(line)")
    }
  }
  return options
}

/// Reads `NAME = VALUE` lines.
func readValues(_ path: String) -> [String: String] {
  var values: [String: String] = [:]
  for line in read(path).split(separator: "\n") where !line.hasPrefix("#") {
    let parts = line.split(separator: "=").map { $0.trimmingCharacters(in: .whitespaces) }
    guard parts.count == 2 else { fail("\(path): not understood: \(line)") }
    guard values.updateValue(parts[1], forKey: parts[0]) == nil else {
      fail("\(path): \(parts[0]) has two values")
    }
  }
  return values
}

/// Everything that is wrong with the values.
func objections(_ options: [Option], _ values: [String: String]) -> [String] {
  var found: [String] = []
  for option in options {
    guard let value = values[option.name] else {
      found.append("\(option.name) has no value")
      continue
    }
    if let objection = option.objection(to: value) { found.append(objection) }
    if let needs = option.needs, option.range == nil, value == "yes", values[needs] != "yes" {
      found.append("\(option.name) needs \(needs)")
    }
  }
  for name in values.keys.sorted() where !options.contains(where: { $0.name == name }) {
    found.append("there is no option \(name)")
  }
  return found
}

func read(_ path: String) -> String {
  guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
    fail("cannot read \(path)")
  }
  return text
}

func fail(_ reason: String) -> Never {
  FileHandle.standardError.write(Data("kconfig: \(reason)\n".utf8))
  exit(1)
}

/// Asks for each option; an empty answer keeps what is.
func menu(_ options: [Option], _ path: String) {
  var values = readValues(path)
  for option in options {
    if let needs = option.needs, values[needs] != "yes" {
      if option.range == nil { values[option.name] = "no" }
      continue
    }
    var current = values[option.name] ?? option.standard
    if let objection = option.objection(to: current) {
      print("\n\(objection): taken for \(option.standard)")
      current = option.standard
    }
    values[option.name] = current
    print("\n\(option.meaning)")
    let choices = option.range.map { "\($0.lowerBound)-\($0.upperBound)" } ?? "yes/no"
    while true {
      print("\(option.name) (\(choices)) [\(current)]: ", terminator: "")
      guard let answer = readLine()?.trimmingCharacters(in: .whitespaces), !answer.isEmpty else {
        break
      }
      let objection = option.objection(to: answer)
      if objection == nil { values[option.name] = answer }
      guard let objection else { break }
      print(objection)
    }
  }
  var text = "# The configuration. `make config` changes it, kernel.options explains it.\n"
  for option in options { text += "\(option.name) = \(values[option.name] ?? option.standard)\n" }
  do {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  } catch {
    fail("cannot write \(path)")
  }
}

/// The type Configuration.
///
/// The kernel asks its constants with `if`, not with `#if`: so the compiler reads all of the kernel in every
/// configuration, a misspelt name is an error in each, and what cannot be reached is dropped after that.
/// With VARIABLE what is on is a bit each, which the kernel's command line can clear.
func swiftText(_ options: [Option], _ values: [String: String]) -> String {
  let isVariable = values["VARIABLE"] == "yes"
  var members = ""
  var report = ""
  var leaveOut = ""
  for (bit, option) in options.enumerated() {
    guard let value = values[option.name] else { continue }
    members += "  /// \(option.meaning)\n  @inline(__always) static var \(option.name): "
    if option.range != nil {
      members += "Int { \(value) }\n"
      report += "    text.append(\"\(option.name) = \\(\(option.name))\\n\")\n"
      continue
    }
    members +=
      "Bool { \(isVariable && value == "yes" ? "left & 1 << \(bit) != 0" : "\(value == "yes")") }\n"
    report += "    write(\"\(option.name)\", \(option.name), &text)\n"
    let users = options.filter { $0.needs == option.name && $0.range == nil }
    leaveOut += "    if name.equals(\"\(option.name)\") {\n      left &= ~(1 << \(bit))\n"
    for user in users { leaveOut += "      leaveOut([UInt8](text: \"\(user.name)\"))\n" }
    leaveOut += "    }\n"
  }
  return """
    // Written by Tools/kconfig from kernel.options and kernel.config.
    enum Configuration {
    \(members)
      /// As kernel.config has it.
      static func write(to text: inout Text) {
    \(report)  }

      private static func write(_ name: StaticString, _ isOn: Bool, _ text: inout Text) {
        text.append("\\(name) = \\(isOn ? "yes" as StaticString : "no")\\n")
      }

      /// Clears an option, and those that need it.
      static func leaveOut(_ name: [UInt8]) {
    \(isVariable ? leaveOut : "    log(\"boot\", \"the configuration of this kernel is fixed\")\n")  }
    \(isVariable ? "  nonisolated(unsafe) private static var left = UInt64.max\n" : "")}

    """
}

/// The file with the constants, and `CONFIG_NAME` for the assembler.
func writeConfiguration(_ options: [Option], _ values: [String: String], _ output: String) {
  let found = objections(options, values)
  if !found.isEmpty { fail(found.joined(separator: "\nkconfig: ")) }
  var symbols = ""
  for option in options {
    guard let value = values[option.name] else { continue }
    let number = option.range == nil ? (value == "yes" ? "1" : "0") : value
    symbols += "-DCONFIG_\(option.name)=\(number)\n"
  }
  let folder = URL(filePath: output).deletingLastPathComponent().path + "/Configuration"
  let source = "\(folder)/Configuration.swift"
  do {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (path, text) in [
      (source, swiftText(options, values)), ("\(folder)/assembly.rsp", symbols),
      (output, "\"\(source)\"\n"),
    ] { try text.write(toFile: path, atomically: true, encoding: .utf8) }
  } catch {
    fail("cannot write \(output)")
  }
}

/// Sets of options so that any two of them are left out together, alone, the other alone, and not at all.
///
/// Each option is left out in another half of the kernels, and all of them in the first: two different
/// halves with one in common do not have all of both, nor each other. With 2n kernels that is enough for as
/// many options as there are choices of n - 1 out of 2n - 1 (Katona, Kleitman and Spencer).
func pairs(_ options: [Option]) -> [[String]] {
  let names = options.filter { $0.range == nil && $0.name != "VARIABLE" }.map(\.name)
  var half = 1
  var places: [Int] = []
  while places.count < names.count {
    half += 1
    places = (0..<1 << (2 * half - 1)).filter { $0.nonzeroBitCount == half - 1 }
  }
  return (0..<2 * half).map { kernel in
    zip(names, places).filter { kernel == 0 || $1 >> (kernel - 1) & 1 != 0 }.map(\.0)
  }
}

let arguments = CommandLine.arguments
let usage = "usage: kconfig check|menu|write|minimal|pairs OPTIONS [CONFIG [OUT]]"
guard arguments.count >= 3 else { fail(usage) }
let options = readOptions(arguments[2])
switch (arguments[1], arguments.count) {
case ("check", 4):
  let found = objections(options, readValues(arguments[3]))
  if !found.isEmpty { fail(found.joined(separator: "\nkconfig: ")) }
case ("menu", 4):
  menu(options, arguments[3])
  let found = objections(options, readValues(arguments[3]))
  if !found.isEmpty { fail(found.joined(separator: "\nkconfig: ")) }
case ("write", 5):
  writeConfiguration(options, readValues(arguments[3]), arguments[4])
case ("minimal", 3):
  for option in options {
    print("\(option.name) = \(option.range.map { String($0.lowerBound) } ?? "no")")
  }
case ("pairs", 3):
  for names in pairs(options) { print(names.joined(separator: ",")) }
default: fail(usage)
}

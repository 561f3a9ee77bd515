// kconfig check OPTIONS CONFIG   says what is wrong with a configuration
// kconfig menu OPTIONS CONFIG    asks for each option, and writes the configuration
// kconfig flags OPTIONS CONFIG OUT   the compiler's options for it, as a response file
// kconfig minimal OPTIONS        prints the smallest configuration that is valid
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
      options.append(
        Option(
          name: words[1], range: bounds.count == 2 ? bounds[0]...bounds[1] : nil,
          standard: words[3], needs: words.count == 6 ? words[5] : nil))
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
    values[parts[0]] = parts[1]
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
    let current = values[option.name] ?? option.standard
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

/// What is on becomes a condition of Swift's, each number a macro of the C header's.
func writeFlags(_ options: [Option], _ values: [String: String], _ path: String) {
  let found = objections(options, values)
  if !found.isEmpty { fail(found.joined(separator: "\nkconfig: ")) }
  var text = ""
  for option in options {
    guard let value = values[option.name] else { continue }
    if option.range != nil {
      text += "-Xcc -DCONFIG_\(option.name)=\(value)\n"
    } else if value == "yes" {
      text += "-D CONFIG_\(option.name)\n"
    }
  }
  do {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  } catch {
    fail("cannot write \(path)")
  }
}

let arguments = CommandLine.arguments
guard arguments.count >= 3 else { fail("usage: kconfig check|menu|minimal OPTIONS [CONFIG]") }
let options = readOptions(arguments[2])
switch (arguments[1], arguments.count) {
case ("check", 4):
  let found = objections(options, readValues(arguments[3]))
  if !found.isEmpty { fail(found.joined(separator: "\nkconfig: ")) }
case ("menu", 4):
  menu(options, arguments[3])
  let found = objections(options, readValues(arguments[3]))
  if !found.isEmpty { fail(found.joined(separator: "\nkconfig: ")) }
case ("flags", 5):
  writeFlags(options, readValues(arguments[3]), arguments[4])
case ("minimal", 3):
  for option in options {
    print("\(option.name) = \(option.range.map { String($0.lowerBound) } ?? "no")")
  }
default: fail("usage: kconfig check|menu|flags|minimal OPTIONS [CONFIG [OUT]]")
}

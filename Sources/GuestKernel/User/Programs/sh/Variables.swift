/// The shell's variables: values, which of them commands see, which must not change, and those that a
/// function has for itself.
import Apus

struct Variable {
  let name: [UInt8]
  var value: [UInt8]?
  var isExported = false
  var isReadOnly = false
}

struct Variables {
  private(set) var all: [Variable] = []
  /// For each function that runs, what its `local` has hidden.
  private var hidden: [[Variable]] = []
  /// `set -a`: whatever gets a value is exported.
  var exportsAll = false

  /// What the environment says; PATH and HOME have values even without one.
  init() {
    for string in Environment.strings {
      guard let sign = string.firstIndex(of: 0x3d) else { continue }
      all.append(
        Variable(
          name: Array(string[..<sign]), value: Array(string[(sign + 1)...]), isExported: true))
    }
    for (name, value) in [("PATH", "/bin"), ("HOME", "/")] as [(StaticString, StaticString)]
    where self[[UInt8](text: name)] == nil {
      _ = set([UInt8](text: name), to: [UInt8](text: value), isExported: true)
    }
    for (name, value) in [
      ("PS1", "apus$ "), ("PS2", "> "), ("PS4", "+ "), ("IFS", " \t\n"), ("OPTIND", "1"),
    ] as [(StaticString, StaticString)] where self[[UInt8](text: name)] == nil {
      _ = set([UInt8](text: name), to: [UInt8](text: value))
    }
  }

  subscript(name: [UInt8]) -> Variable? {
    for variable in all where variable.name == name { return variable }
    return nil
  }

  /// False when the variable must not change.
  mutating func set(_ name: [UInt8], to value: [UInt8]?, isExported: Bool = false) -> Bool {
    var index = all.firstIndex { $0.name == name }
    if index == nil {
      all.append(Variable(name: name))
      index = all.count - 1
    }
    guard let index else { return false }
    if all[index].isReadOnly, value != nil { return false }
    if let value { all[index].value = value }
    if isExported || exportsAll { all[index].isExported = true }
    if all[index].isExported { publish(all[index]) }
    return true
  }

  mutating func remove(_ name: [UInt8]) -> Bool {
    guard let index = all.firstIndex(where: { $0.name == name }) else { return true }
    if all[index].isReadOnly { return false }
    all.remove(at: index)
    Environment.set(name, to: nil)
    return true
  }

  mutating func protect(_ name: [UInt8]) {
    for index in all.indices where all[index].name == name { all[index].isReadOnly = true }
  }

  /// Puts a variable back as it was, or takes it away when it was not there.
  mutating func restore(_ name: [UInt8], _ old: Variable?) {
    all.removeAll { $0.name == name }
    if let old { all.append(old) }
    publish(old ?? Variable(name: name))
  }

  private func publish(_ variable: Variable) {
    Environment.set(variable.name, to: variable.isExported ? variable.value : nil)
  }

  // MARK: Functions

  mutating func enterFunction() { hidden.append([]) }

  mutating func leaveFunction() {
    guard let saved = hidden.popLast() else { return }
    for variable in saved.reversed() {
      // Without a value it was not there before.
      restore(variable.name, variable.value == nil && !variable.isExported ? nil : variable)
    }
  }

  /// From now on to the end of the function the name means something else; false outside of one.
  mutating func makeLocal(_ name: [UInt8]) -> Bool {
    guard !hidden.isEmpty else { return false }
    let isKnown = hidden[hidden.count - 1].contains { $0.name == name }
    if !isKnown { hidden[hidden.count - 1].append(self[name] ?? Variable(name: name)) }
    return true
  }
}

/// The shell's state: variables, functions, jobs, and what the last command returned.
import Apus

final class Shell: ShellContext {
  /// Names with values; those in the environment of commands are marked.
  private var variables: [(name: [UInt8], value: [UInt8], isExported: Bool)] = []
  var functions: [(name: [UInt8], body: ShellList)] = []
  var jobs = Jobs()
  /// The code of the last command, `$?`.
  var lastCode: Int32 = 0
  /// Commands get groups of their own, and the terminal in turn.
  var controlsJobs = false
  /// Why the commands that follow are skipped.
  var leaving = Leaving.no
  /// Typed lines, for `history`.
  var history: [[UInt8]] = []
  /// What `set -e` and `set -x` turn on.
  var endsOnFailure = false
  var echoesCommands = false

  /// The code of the last `$(...)` in the words of this command.
  var substitutionCode: Int32?
  /// Where the stack was when the shell began.
  private let stackStart = Shell.stackPosition()

  enum Leaving: Equatable {
    case no
    /// Everything, up to the next line that is typed.
    case line
    case loop(levels: Int, goesOn: Bool)
    case function
    case shell
  }

  override init() {
    super.init()
    for string in Environment.strings {
      if let sign = string.firstIndex(of: 0x3d) {
        variables.append((Array(string[..<sign]), Array(string[(sign + 1)...]), true))
      }
    }
    if value(of: [UInt8](text: "PATH")) == nil {
      export([UInt8](text: "PATH"), [UInt8](text: "/bin"))
    }
    if value(of: [UInt8](text: "HOME")) == nil { export([UInt8](text: "HOME"), [0x2f]) }
  }

  // MARK: Depth

  /// Functions, scripts and lists inside of each other have used half of the stack: no deeper.
  var isTooDeep: Bool {
    let largest: UInt = 4 << 20
    return stackStart &- Shell.stackPosition() > largest
  }

  @inline(never)
  private static func stackPosition() -> UInt {
    var mark: UInt8 = 0
    return withUnsafeMutablePointer(to: &mark) { UInt(bitPattern: $0) }
  }

  // MARK: Variables

  override func value(of name: [UInt8]) -> [UInt8]? {
    if name.count == 1 {
      switch name[0] {
      case 0x3f: return [UInt8]("\(lastCode)" as TextLine)
      case 0x24: return [UInt8]("\(Process.id)" as TextLine)
      case 0x21: return [UInt8]("\(jobs.lastStarted)" as TextLine)
      default: break
      }
    }
    for variable in variables where variable.name == name { return variable.value }
    return nil
  }

  override func assign(_ value: [UInt8], to name: [UInt8]) {
    for index in variables.indices where variables[index].name == name {
      variables[index].value = value
      if variables[index].isExported { Environment.set(name, to: value) }
      return
    }
    variables.append((name, value, false))
  }

  func export(_ name: [UInt8], _ value: [UInt8]?) {
    assign(value ?? self.value(of: name) ?? [], to: name)
    for index in variables.indices where variables[index].name == name {
      variables[index].isExported = true
      Environment.set(name, to: variables[index].value)
    }
  }

  func unset(_ name: [UInt8]) {
    variables.removeAll { $0.name == name }
    functions.removeAll { $0.name == name }
    Environment.set(name, to: nil)
  }

  func showVariables() {
    for variable in variables { say(bytes: variable.name + [0x3d] + variable.value + [0x0a]) }
  }

  // MARK: What expansion asks for

  override func output(of script: [UInt8]) -> [UInt8] { Launch.output(of: script, self) }

  override func names(in directory: [UInt8]) -> [[UInt8]] {
    do throws(SystemError) {
      return try FileTree.entries(of: directory).map { $0.name }
    } catch {
      return []
    }
  }

  // MARK: Scripts

  /// Runs a whole text; returns the code of its last command.
  func run(script: [UInt8]) -> Int32 {
    do throws(ShellSyntaxError) {
      execute(try ShellParser.parse(script))
    } catch {
      complain("\(error.message)")
      lastCode = 2
    }
    return lastCode
  }

  func define(_ name: [UInt8], _ body: ShellList) {
    functions.removeAll { $0.name == name }
    functions.append((name, body))
  }

  func function(_ name: [UInt8]) -> ShellList? {
    for function in functions where function.name == name { return function.body }
    return nil
  }
}

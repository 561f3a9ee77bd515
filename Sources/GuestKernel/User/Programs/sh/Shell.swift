/// The shell's state: variables, functions, jobs, and what the last command returned.
import Apus

final class Shell: ShellContext {
  var variables = Variables()
  var functions: [(name: [UInt8], body: ShellCommand)] = []
  var aliases: [ShellAlias] = []
  var jobs = Jobs()
  var traps = Traps()
  /// The code of the last command, `$?`.
  var lastCode: Int32 = 0
  /// Commands get groups of their own, and the terminal in turn.
  var controlsJobs = false
  /// Somebody types; a mistake ends the line and not the shell.
  var isInteractive = false
  /// Why the commands that follow are skipped.
  var leaving = Leaving.no
  /// Typed lines, for `history`.
  var history: [[UInt8]] = []
  /// What `set` turns on, beside what expansion asks for.
  var endsOnFailure = false
  var echoesCommands = false
  var keepsFiles = false
  var onlyParses = false
  /// Inside of a condition, where failing ends nothing.
  var conditionDepth = 0
  /// Functions and sourced files that `return` can leave.
  var returnDepth = 0
  /// This process was made for the next command: a program needs no further one.
  var becomesProgram = false
  /// `exit` has warned of stopped jobs; the next one ends the shell.
  var hasWarned = false

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

  // MARK: What expansion asks for

  override func value(of name: [UInt8]) -> [UInt8]? {
    if name.count == 1 {
      switch name[0] {
      case 0x3f: return [UInt8]("\(lastCode)" as TextLine)
      case 0x24: return [UInt8]("\(Shell.processID)" as TextLine)
      case 0x21:
        return jobs.lastStarted == 0 ? nil : [UInt8]("\(jobs.lastStarted)" as TextLine)
      case 0x2d: return ShellOption.letters(of: self)
      default: break
      }
    }
    if name.equals("PPID") { return [UInt8]("\(Process.parentID)" as TextLine) }
    return variables[name]?.value
  }

  /// `$$` is the same in `(...)` and `$(...)`, which are other processes.
  private static let processID = Process.id

  override func assign(_ value: [UInt8], to name: [UInt8]) {
    if variables.set(name, to: value) { return }
    complain("\(text: name): must not change")
    lastCode = 2
    leaving = isInteractive ? .line : .shell
  }

  func export(_ name: [UInt8], _ value: [UInt8]?) {
    if !variables.set(name, to: value, isExported: true) { assign(value ?? [], to: name) }
  }

  override func output(of script: [UInt8]) -> [UInt8] { Launch.output(of: script, self) }

  override func home(of user: [UInt8]) -> [UInt8]? { Account.named(user)?.home }

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
      let list = try ShellParser.parse(script, aliases: isInteractive ? aliases : [])
      if !onlyParses { execute(list) }
    } catch {
      complain("\(error.message)")
      lastCode = 2
    }
    return lastCode
  }

  /// Says why words could not be expanded; that ends a script.
  func refuse(_ error: ShellSyntaxError) {
    complain("\(error.message)")
    lastCode = 2
    if case .unset = error { leaving = isInteractive ? .line : .shell }
  }

  /// Runs the commands of signals that have come; `$?` is as before afterwards.
  func runTraps() {
    while leaving == .no, let action = traps.next() {
      let code = lastCode
      _ = run(script: action)
      if leaving == .no { lastCode = code }
    }
  }

  /// The end of the shell: the trap for EXIT runs, and may change the code by `exit`.
  func finish(_ code: Int32) -> Int32 {
    guard let action = traps.takeExit() else { return code }
    lastCode = code
    leaving = .no
    _ = run(script: action)
    return leaving == .shell ? lastCode : code
  }

  func define(_ name: [UInt8], _ body: ShellCommand) {
    functions.removeAll { $0.name == name }
    functions.append((name, body))
  }

  func function(_ name: [UInt8]) -> ShellCommand? {
    for function in functions where function.name == name { return function.body }
    return nil
  }
}

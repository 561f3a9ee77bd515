/// su, passwd, login and id: who somebody is, and becoming somebody else.
///
/// `su` and `passwd` belong to root and have the set-user-ID bit: whoever starts them, they act as root. What
/// they may do therefore follows from the real user only, never from what they are called or told. They are a
/// file of their own, because any program in a file with that bit has root's rights.
import Apus

@main
struct Su: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    let name = arguments.first?.lastPathPart ?? []
    if name.equals("id") {
      _ = operands(arguments, 0...0, "id", "the user and the group that one acts as")
      return id()
    }
    if name.equals("passwd") {
      let words = operands(arguments, 0...1, "passwd [USER]", "changes a password")
      return changePassword(of: words.first)
    }
    if name.equals("login") {
      return login(operands(arguments, 0...1, "login [USER]", "asks who somebody is").first)
    }
    let words = operands(
      arguments, 0...Int.max, "su [USER [COMMAND...]]", "becomes another user, root unless told")
    return su(words.first ?? [UInt8](text: "root"), Array(words.dropFirst()))
  }

  private static func operands(
    _ arguments: [[UInt8]], _ count: ClosedRange<Int>, _ usage: StaticString,
    _ summary: StaticString
  ) -> [[UInt8]] {
    Usage.describe(usage, summary)
    return Options(arguments, known: "", operands: count, stopsAtOperand: true).operands
  }

  private static func id() -> Int32 {
    let (user, effective) = (number(Call.getuid()), number(Call.geteuid()))
    var line: TextLine = "uid=\(user)\(name(user)) gid=\(number(Call.getgid()))"
    if effective != user { line.append(line: " euid=\(effective)\(name(effective))") }
    say("\(line)\n")
    return 0
  }

  private static func name(_ user: UInt64) -> TextLine {
    guard let account = Account.of(user: UInt32(truncatingIfNeeded: user)) else { return "" }
    return "(\(text: account.name))"
  }

  static func number(_ outcome: Outcome) -> UInt64 {
    if case .success(let value) = outcome { return value }
    return UInt64.max
  }

  /// What the superuser does needs no password.
  static var isForRoot: Bool { number(Call.getuid()) == 0 }

  // MARK: Becoming somebody

  /// Without a command a shell, otherwise the command.
  private static func su(_ name: [UInt8], _ command: [[UInt8]]) -> Int32 {
    guard let account = Account.named(name) else { return refuse("there is no such user") }
    if !isForRoot {
      guard let password = Secret.ask("Password: "), account.hasPassword,
        account.accepts(password)
      else { return refuse("sorry") }
    }
    guard become(account) else { return refuse("the kernel does not allow it") }
    let words = command.isEmpty ? [account.shell] : command
    let error = Process.executeFromPath(words)
    complain("\(text: words[0]): \(error.name)")
    return 1
  }

  /// First the groups: afterwards it is too late.
  private static func become(_ account: Account) -> Bool {
    Environment.set([UInt8](text: "USER"), to: account.name)
    Environment.set([UInt8](text: "HOME"), to: account.home)
    Environment.set([UInt8](text: "PATH"), to: [UInt8](text: "/bin:/"))
    return Call.setgroups(0, nil).isSuccess
      && Call.setgid(Int32(bitPattern: account.group)).isSuccess
      && Call.setuid(Int32(bitPattern: account.user)).isSuccess
  }

  private static func refuse(_ why: StaticString) -> Int32 {
    complain("\(why)")
    return 1
  }

  /// Three tries; then init starts another.
  private static func login(_ given: [UInt8]?) -> Int32 {
    var given = given
    for _ in 0..<3 {
      if given == nil { say("\nApus on this terminal\nlogin: ") }
      Output.flush()
      guard let name = given ?? Secret.line() else { return 1 }
      given = nil
      let account = Account.named(name)
      // Who does not exist is asked, too: nobody learns from this who does.
      var isRight = false
      if let account, !account.hasPassword, isForRoot {
        isRight = true
      } else if let password = Secret.ask("Password: ") {
        isRight = account?.accepts(password) ?? false
      }
      guard isRight, let account else {
        say("That is not right.\n")
        continue
      }
      guard become(account) else { return refuse("the kernel does not allow it") }
      _ = account.home.withPath { Call.chdir($0) }
      let error = Process.execute(account.shell, [account.shell])
      complain("\(text: account.shell): \(error.name)")
      return 1
    }
    return 1
  }

  // MARK: Passwords

  /// One's own, after the old one; root gives anybody a new one.
  private static func changePassword(of name: [UInt8]?) -> Int32 {
    let own = Account.of(user: UInt32(truncatingIfNeeded: number(Call.getuid())))
    guard let account = name.map({ Account.named($0) }) ?? own else {
      return refuse("there is no such user")
    }
    if !isForRoot {
      guard let own, account.user == own.user else {
        return refuse("only root changes another's password")
      }
      if own.hasPassword {
        guard let old = Secret.ask("Old password: "), own.accepts(old) else {
          return refuse("sorry")
        }
      }
    }
    guard let new = Secret.ask("New password: "), !new.isEmpty else { return refuse("unchanged") }
    guard Secret.ask("Once more: ") == new else { return refuse("these are two; unchanged") }
    do throws(SystemError) {
      try account.setPassword(new)
    } catch {
      return refuse(error.name)
    }
    say("The password of \(text: account.name) is changed.\n")
    return 0
  }
}

/// Lines that must not be seen, and no byte more than the line: what comes after is for the shell.
enum Secret {
  static func ask(_ question: StaticString) -> [UInt8]? {
    say("\(question)")
    Output.flush()
    let settings = Terminal.settings(of: .input)
    if var silent = settings {
      silent.echoes = 0
      Terminal.set(silent, of: .input)
    }
    let answer = line()
    if let settings {
      Terminal.set(settings, of: .input)
      say("\n")
    }
    return answer
  }

  static func line() -> [UInt8]? {
    var line: [UInt8] = []
    while let byte = try? Descriptor.input.read(limit: 1).first {
      if byte == 0x0a { return line }
      line.append(byte)
    }
    return line.isEmpty ? nil : line
  }
}

/// Who may use the machine: /etc/passwd says who there is, /etc/shadow, which only root reads, keeps what
/// checks their passwords.
///
/// A line of the first is name:x:user:group:full name:home:shell, of the second name:hash. Without a hash the
/// account has no password yet: that is good enough for a login at the console, but not for `su`.
package struct Account {
  package var name: [UInt8]
  package var user: UInt32
  package var group: UInt32
  package var home: [UInt8]
  package var shell: [UInt8]

  private static let file: StaticString = "/etc/passwd"
  private static let secrets: StaticString = "/etc/shadow"
  private static let initial: StaticString = """
    root:x:0:0:root:/root:/bin/sh
    student:x:1000:1000:A Student:/home/student:/bin/sh
    guest:x:1001:1001:A Guest:/home/guest:/bin/sh

    """
  private static let initialSecrets: StaticString = "root:\nstudent:\nguest:\n"

  private init?(_ line: [UInt8]) {
    let fields = line.split(separator: 0x3a, omittingEmptySubsequences: false).map { Array($0) }
    guard fields.count == 7, let user = fields[2].decimal, let group = fields[3].decimal else {
      return nil
    }
    name = fields[0]
    self.user = UInt32(truncatingIfNeeded: user)
    self.group = UInt32(truncatingIfNeeded: group)
    home = fields[5]
    shell = fields[6]
  }

  /// The two files of a fresh system, and the homes; nobody has a password yet.
  package static func install() {
    let path = [UInt8](text: file)
    guard !FileTree.exists(path) else { return }
    let hidden = [UInt8](text: secrets)
    guard (try? FileTree.write([UInt8](text: initial), to: path)) != nil,
      (try? FileTree.write([UInt8](text: initialSecrets), to: hidden, permissions: 0o600)) != nil
    else { return }
    _ = [UInt8](text: "/home").withPath { Call.mkdir($0, 0o755) }
    for account in all where account.user != 0 {
      account.home.withPath {
        _ = Call.mkdir($0, 0o700)
        _ = Call.chown($0, Int32(account.user), Int32(account.group))
      }
    }
  }

  package static var all: [Account] {
    guard let text = try? FileTree.contents(of: [UInt8](text: file)) else { return [] }
    return text.split(separator: 0x0a).compactMap { Account(Array($0)) }
  }

  package static func named(_ name: [UInt8]) -> Account? { all.first { $0.name == name } }
  package static func of(user: UInt32) -> Account? { all.first { $0.user == user } }

  /// Gives a file to whom the text names: a number or a name.
  package static func user(_ text: [UInt8]) -> UInt32? {
    if let number = text.decimal, number <= UInt64(Int32.max) { return UInt32(number) }
    return named(text)?.user
  }

  // MARK: Passwords

  private static var secretLines: [[UInt8]] {
    guard let text = try? FileTree.contents(of: [UInt8](text: secrets)) else { return [] }
    return text.split(separator: 0x0a).map { Array($0) }
  }

  /// For root only, as the other two.
  package var hasPassword: Bool {
    !Self.secretLines.contains { $0 == name + [0x3a] }
  }

  package func accepts(_ password: [UInt8]) -> Bool {
    for line in Self.secretLines where line.starts(with: name + [0x3a]) {
      return PasswordHash(Array(line.dropFirst(name.count + 1)))?.matches(password) ?? false
    }
    return false
  }

  /// A new file takes the old one's place at once: a crash leaves one or the other.
  package func setPassword(_ password: [UInt8]) throws(SystemError) {
    let source = try Descriptor.open([UInt8](text: "/dev/urandom"))
    let salt = try source.read(limit: 16)
    try source.close()
    let hash = PasswordHash(password, salt: salt, rounds: 1000)
    var text: [UInt8] = []
    for line in Self.secretLines where !line.starts(with: name + [0x3a]) { text += line + [0x0a] }
    text += name + [0x3a] + hash.text + [0x0a]
    let new = [UInt8](text: Self.secrets) + [0x2b]
    try FileTree.write(text, to: new, permissions: 0o600)
    try FileTree.rename(new, to: [UInt8](text: Self.secrets))
  }
}

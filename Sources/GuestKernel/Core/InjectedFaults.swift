/// Mistakes that the kernel makes when it is told to: `fault=fork-leak,wait-lie` on its command line.
///
/// A suite that has never seen a broken kernel proves nothing. Each of these breaks one promise, and
/// the tests of `usertests` named beside it must fail then.
package struct InjectedFaults: OptionSet, Equatable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Each fork loses a page: any test that forks.
  package static let forkLeak = InjectedFaults(rawValue: 1)
  /// wait4 says that every child ended with 0: `exit-codes`.
  package static let waitLie = InjectedFaults(rawValue: 2)
  /// A pipe swallows the first byte of each long write: `pipe`.
  package static let pipeDrop = InjectedFaults(rawValue: 4)
  /// Every fourth signal that a program sends is lost: `handler`.
  package static let signalLoss = InjectedFaults(rawValue: 8)
  /// Records that could not be written to a program count as written: `bad-pointers-out`.
  package static let silentPut = InjectedFaults(rawValue: 16)

  package static let names: [(fault: InjectedFaults, name: StaticString)] = [
    (.forkLeak, "fork-leak"), (.waitLie, "wait-lie"), (.pipeDrop, "pipe-drop"),
    (.signalLoss, "signal-loss"), (.silentPut, "silent-put"),
  ]

  /// From a list with commas; nil when it has a name that is none.
  package init?(list: [UInt8]) {
    self = []
    for part in list.split(separator: 0x2c) {
      guard let known = Self.names.first(where: { Array(part).equals($0.name) }) else {
        return nil
      }
      formUnion(known.fault)
    }
  }
}

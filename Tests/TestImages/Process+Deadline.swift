import Foundation

extension Process {
  /// Waits until the process has ended and kills it when it takes longer, so that a test fails instead of
  /// hanging: the status is SIGKILL's then.
  package func waitUntilExit(atMost seconds: Double) {
    let pid = processIdentifier
    let killer = DispatchWorkItem { kill(pid, SIGKILL) }
    DispatchQueue.global().asyncAfter(deadline: .now() + seconds, execute: killer)
    waitUntilExit()
    killer.cancel()
  }
}

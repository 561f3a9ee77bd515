import Foundation

extension Process {
  /// Kills the process when that many seconds have passed, so that a test fails instead of hanging;
  /// cancel what is returned when it has ended before.
  package func killed(after seconds: Double) -> DispatchWorkItem {
    let pid = processIdentifier
    let killer = DispatchWorkItem { kill(pid, SIGKILL) }
    DispatchQueue.global().asyncAfter(deadline: .now() + seconds, execute: killer)
    return killer
  }

  /// Waits until the process has ended, and kills it when it takes longer: the status is SIGKILL's then.
  package func waitUntilExit(atMost seconds: Double) {
    let killer = killed(after: seconds)
    waitUntilExit()
    killer.cancel()
  }
}

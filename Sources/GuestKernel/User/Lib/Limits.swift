/// What a process may have of each resource: getrlimit, setrlimit.

extension ResourceLimit {
  package static func get(_ resource: Resource) throws(SystemError) -> ResourceLimit {
    var limit = ResourceLimit()
    let outcome = withUnsafeMutableBytes(of: &limit) {
      Call.getrlimit(resource.rawValue, $0.baseAddress)
    }
    try outcome.check()
    return limit
  }

  package static func set(
    _ resource: Resource, _ soft: UInt64, _ hard: UInt64
  ) throws(SystemError) {
    var limit = ResourceLimit(soft, hard)
    let outcome = withUnsafeBytes(of: &limit) {
      Call.setrlimit(resource.rawValue, $0.baseAddress)
    }
    try outcome.check()
  }
}

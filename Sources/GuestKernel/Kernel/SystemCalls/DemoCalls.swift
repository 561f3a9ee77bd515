/// The call behind the program `demo`.
extension SystemCalls {
  /// demo(name, length): runs a demonstration of the kernel; 1 when all it claimed was so, else 0.
  static func demo(_ address: UInt64, _ count: UInt64) -> Answer {
    guard Permission.isSuperuser else { return fail(.notPermitted) }
    guard count > 0, count <= 64 else { return fail(.invalidArgument) }
    guard let name = UserMemory.read(address, count: count) else { return fail(.badAddress) }
    guard let passed = KernelDemos.run(name) else { return fail(.notFound) }
    return .success(passed ? 1 : 0)
  }
}

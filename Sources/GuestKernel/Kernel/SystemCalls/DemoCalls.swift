/// The call behind the program `demo`.
extension SystemCalls {
  /// demo(name, length): runs a demonstration of the kernel; 1 when all it claimed was so, else 0, and
  /// 2 when this kernel is without what it would show.
  static func demo(_ address: UInt64, _ count: UInt64) -> Answer {
    guard Permission.isSuperuser else { return fail(.notPermitted) }
    guard count > 0, count <= 64 else { return fail(.invalidArgument) }
    guard let name = UserMemory.read(address, count: count) else { return fail(.badAddress) }
    guard let demo = KernelDemos.find(name) else { return fail(.notFound) }
    if let missing = demo.missing {
      Demo.say("This kernel is without it: its kernel.config says \(missing) = no.")
      return .success(2)
    }
    var passed = false
    // They speak at length, each line with a buffer of its own on the stack.
    KernelStacks.onLargeStack { passed = demo.run() }
    return .success(passed ? 1 : 0)
  }
}

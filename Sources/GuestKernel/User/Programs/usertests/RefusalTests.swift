/// Memory that is refused though there is some: each operation fails once at every place where it asks for
/// memory, and must fail properly there, or not at all; what it had taken until then must be back.
import Apus
import UserSystem

private let plans = literal("/proc/failures")

/// Somebody tests with a plan of their own, which must not be replaced.
private var isInUse: Bool {
  (try? FileTree.contents(of: plans))?.starts(with: literal("on\n")) ?? false
}

private func plan(_ text: TextLine) -> Bool {
  (try? FileTree.write([UInt8](text), to: plans)) != nil
}

/// A program ends when its heap cannot grow: what is needed here, it has beforehand.
private func growHeap() {
  var room = [UInt8](repeating: 1, count: 1 << 20)
  _ = Call.read(-1, &room, 0)
}

/// What the kernel has refused since the plan was made.
private func refusals() -> UInt64 {
  guard let text = try? FileTree.contents(of: plans) else { return 0 }
  for line in text.split(separator: 0x0a) {
    let words = Array(line).split(separator: 0x20)
    if words.count == 2, Array(words[0]).equals("refusals") { return Array(words[1]).decimal ?? 0 }
  }
  return 0
}

/// Runs `operation` with its first request for memory refused, then with its second, and so on, until
/// it makes no more.
private func visit(_ check: Check, _ name: StaticString, _ operation: () -> SystemError?) {
  var number: UInt64 = 1
  while number <= 2000 {
    guard plan("nth=\(number) process=\(Process.id)") else {
      return check.expect(false, "\(name): /proc/failures takes a plan")
    }
    let error = operation()
    _ = plan("off")
    guard refusals() > 0 else { break }
    check.expect(
      error == nil || error == .outOfMemory || error == .tryAgain || error == .noSpace,
      "\(name), refusal \(number): \(error?.symbol ?? "")")
    number += 1
  }
  check.expect(number > 1 && number <= 2000, "\(name): \(number - 1) refusals")
  check.expect(operation() == nil, "\(name) without refusals")
}

private func failure(_ body: () throws(SystemError) -> Void) -> SystemError? {
  do throws(SystemError) {
    try body()
    return nil
  } catch {
    return error
  }
}

/// In a child, who leaves with the error's number: what happens to it happens to nobody else.
private func visitInChild(
  _ check: Check, _ name: StaticString, _ operation: @escaping () throws(SystemError) -> Void
) {
  var number: UInt64 = 1
  var isOver = false
  while number <= 2000, !isOver {
    let status = inChild {
      guard plan("nth=\(number) process=\(Process.id)") else { return 99 }
      let error = failure(operation)
      _ = plan("off")
      return error.map { -Int32($0.rawValue) } ?? 0
    }
    isOver = refusals() == 0
    // With 1 a program ends whose heap cannot grow.
    let codes: [Int32] = [
      0, 1, -Int32(SystemError.outOfMemory.rawValue), -Int32(SystemError.tryAgain.rawValue),
    ]
    let isProper = codes.contains { status == .exited(code: $0) }
    check.expect(isProper || status == .killed(by: .kill), "\(name), refusal \(number)")
    number += 1
  }
  check.expect(number > 2 && isOver, "\(name): \(number - 2) refusals")
}

let refusalTests: [UserTest] = [
  UserTest(name: "refused-memory") { check in
    guard check.has("ALLOCATION_FAILURES"), !isInUse else { return }
    growHeap()
    visit(check, "mmap and touch") {
      failure { () throws(SystemError) in
        let base = try Memory.map(size: 5 * 4096)
        for page in 0..<5 { Memory.words(base)[page * 512] = 1 }
        _ = try Memory.protect(base + 4096, size: 4096, .read).get()
        _ = try Memory.unmap(base, size: 5 * 4096).get()
      }
    }
    visit(check, "pipe") {
      failure { () throws(SystemError) in
        let pipe = try Descriptor.pipe(.nonBlocking)
        defer {
          _ = Call.close(pipe.reading.rawValue)
          _ = Call.close(pipe.writing.rawValue)
        }
        _ = try Call.write(pipe.writing.rawValue, [UInt8](repeating: 1, count: 8192), 8192).get()
      }
    }
    visit(check, "file") {
      let path = literal("/tmp/refused")
      let error = failure { () throws(SystemError) in
        try FileTree.write([UInt8](repeating: 2, count: 20_000), to: path)
      }
      _ = failure { () throws(SystemError) in try FileTree.remove(path) }
      return error
    }
  },
  UserTest(name: "refused-processes") { check in
    guard check.has("ALLOCATION_FAILURES"), !isInUse else { return }
    growHeap()
    visit(check, "fork") {
      failure { () throws(SystemError) in
        let pid = try Process.fork()
        if pid == 0 { System.exitNow(0) }
        _ = try Process.wait(for: pid)
      }
    }
    visitInChild(check, "thread") { () throws(SystemError) in
      try Thread {}.join()
    }
    visitInChild(check, "exec") { () throws(SystemError) in
      throw Process.executeFromPath([literal("true")])
    }
    _ = plan("off")
  },
]

/// Threads of one program: `clone` with everything shared but the stack.
import UserSystem

package final class Thread {
  private let body: () -> Void
  private let stack: UInt64
  /// The kernel writes the thread's number here, and 0 with a wake-up when the thread has ended.
  private let word: UnsafeMutablePointer<UInt32>
  package let id: Int32

  private static let stackSize: UInt64 = 65536
  /// VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, PARENT_SETTID, CHILD_CLEARTID.
  private static let cloneFlags: UInt64 = 0x35_0f00

  /// What the new thread runs; it lives until the thread has taken it.
  private final class Start {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }

  /// Starts a thread.
  package init(_ body: @escaping () -> Void) throws(SystemError) {
    self.body = body
    let stack = try Memory.map(size: Self.stackSize)
    let word = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
    word.initialize(to: 0)
    let start = Unmanaged.passRetained(Start(body)).toOpaque()
    let outcome = Outcome(
      thread_create(
        Self.cloneFlags, stack + Self.stackSize, word, word, user_thread_main, start))
    self.stack = stack
    self.word = word
    if case .success(let id) = outcome {
      self.id = Int32(truncatingIfNeeded: id)
      return
    }
    self.id = 0
    Unmanaged<Start>.fromOpaque(start).release()
    Memory.unmap(stack, size: Self.stackSize)
    throw outcome.error ?? .tryAgain
  }

  /// Waits for its end and gives its stack back; once.
  package func join() {
    while true {
      let value = atomic_load(word)
      if value == 0 { break }
      _ = Futex.wait(word, while: value)
    }
    Memory.unmap(stack, size: Self.stackSize)
    word.deallocate()
  }

  fileprivate static func main(_ start: UnsafeMutableRawPointer?) {
    guard let start else { return }
    Unmanaged<Start>.fromOpaque(start).takeRetainedValue().body()
  }
}

extension Thread {
  /// What `ps` and the kernel call this thread; at most 15 bytes.
  package static var currentName: [UInt8] {
    get {
      var name: [UInt8] = Array(repeating: 0, count: 16)
      name.withUnsafeMutableBytes { _ = Call.prctl(16, UInt64(UInt(bitPattern: $0.baseAddress))) }
      return Array(name.prefix { $0 != 0 })
    }
    set {
      newValue.withPath { _ = Call.prctl(15, UInt64(UInt(bitPattern: $0))) }
    }
  }
}

/// A thread's first Swift function (see Start.S).
@c(user_thread_main)
public func userThreadMain(_ start: UnsafeMutableRawPointer?) { Thread.main(start) }

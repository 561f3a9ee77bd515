/// Making processes and threads, loading a module, opening and reading files.
import Apus
import UserSystem

enum ProcessCosts {
  static func measure() {
    var fork = UInt64.max
    for _ in 0..<8 {
      let start = rdtsc()
      let pid = Cost.child {}
      fork = min(fork, rdtsc() - start)
      Cost.wait(pid)
    }
    Cost.show("fork, until the parent goes on", fork - min(fork, Cost.none))
    Cost.measure("fork, exit, wait4", tries: 8) { Cost.wait(Cost.child {}) }
    Cost.measure("fork, execve, exit, wait4", tries: 8) {
      Cost.wait(
        Cost.child {
          let arguments = [[UInt8](text: "costs"), [UInt8](text: "-")]
          _ = Process.execute([UInt8](text: "/bin/costs"), arguments)
        })
    }
    Cost.measure("a thread: clone, exit, join", tries: 8) {
      if let thread = try? Thread({}) { thread.join() }
    }
    files()
    modules()
  }

  private static func files() {
    let name = [UInt8](text: "/bin/costs")
    Cost.measure("open and close of a file") {
      if let file = try? Descriptor.open(name) { try? file.close() }
    }
    guard let file = try? Descriptor.open(name) else { return }
    var byte: UInt8 = 0
    Cost.measure("read of one byte that is in memory") {
      _ = Call.pread64(file.rawValue, &byte, 1, 0)
    }
    var page = [UInt8](repeating: 0, count: 4096)
    page.withUnsafeMutableBytes { page in
      Cost.measure("read of 4,096 bytes that are in memory") {
        _ = Call.pread64(file.rawValue, page.baseAddress, 4096, 0)
      }
    }
    try? file.close()
  }

  private static func modules() {
    let path = [UInt8](text: "/lib/modules/counter.ko")
    guard let image = try? FileTree.contents(of: path) else { return }
    let none = [UInt8](text: "")
    let name = [UInt8](text: "counter")
    var load = UInt64.max
    var removal = UInt64.max
    for _ in 0..<4 {
      let start = rdtsc()
      let outcome = image.withUnsafeBytes { image in
        none.withPath { Call.init_module(image.baseAddress, UInt64(image.count), $0) }
      }
      guard outcome.isSuccess else { return }
      let loaded = rdtsc()
      guard name.withPath({ Call.delete_module($0, 0) }).isSuccess else { return }
      removal = min(removal, rdtsc() - loaded)
      load = min(load, loaded - start)
    }
    Cost.show("a module (counter.ko): signature, linking, start", load)
    Cost.show("and its removal", removal)
  }
}

import Foundation
import TestImages

/// Guests for GDB: bare code, and C that is compiled where a compiler is.
enum CompiledGuest {
  /// Counts at 110000h for ever.
  static func plain() -> [UInt8] { ELFBuilder(code: GDBServerTests.counting).build() }

  /// Calls functions, stores and repeats a string instruction, a hundred times.
  static let source = """
    volatile long counter, watched;
    volatile long sink;
    unsigned char buffer[64];

    __attribute__((noinline)) long work(long n) {
      watched = n;
      counter += n;
      return counter;
    }

    __attribute__((noinline)) void fill(long n) {
      unsigned char *target = buffer;
      long count = sizeof buffer;
      __asm__ volatile("repeat: rep stosb" : "+D"(target), "+c"(count) : "a"(n) : "memory");
    }

    void start(void) {
      for (long i = 0; i < 100; i++) {
        sink = work(i);
        fill(i);
      }
      __asm__ volatile("cli; hlt");
    }

    """

  /// Swift's toolchain has one.
  static let hasCompiler = RealGDB.program("clang") != nil && RealGDB.program("ld.lld") != nil

  /// The ELF file, with its line numbers.
  static func compiled() throws -> [UInt8] {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "emu-guest-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try source.write(to: folder.appending(path: "guest.c"), atomically: false, encoding: .utf8)
    let compiler = Process()
    compiler.executableURL = RealGDB.program("clang").map { URL(fileURLWithPath: $0) }
    compiler.currentDirectoryURL = folder
    compiler.arguments = [
      "--target=x86_64-unknown-none-elf", "-g", "-O1", "-ffreestanding", "-fno-omit-frame-pointer",
      "-mno-red-zone", "-nostdlib", "-static", "-fuse-ld=lld", "-Wl,-Ttext=0x400000,-e,start",
      "guest.c", "-o", "guest.elf",
    ]
    try compiler.run()
    compiler.waitUntilExit()
    return Array(try Data(contentsOf: folder.appending(path: "guest.elf")))
  }
}

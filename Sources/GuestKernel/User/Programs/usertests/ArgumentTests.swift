/// Every call with arguments that no program should pass: an error comes back, and nothing else happens.
import Apus
import UserSystem

let argumentTests: [UserTest] = [
  UserTest(name: "no-such-call") { check in
    for number in [600, 999, 1900, 0xffff_ffff, UInt64.max] as [UInt64] {
      check.fails(Outcome(system_call(number, 0, 0, 0, 0)), .noSuchCall, "call \(number)")
    }
  },
  UserTest(name: "bad-pointers-in") { check in
    for address in badAddresses {
      let pointer = UnsafeRawPointer(bitPattern: UInt(address))
      let path = UnsafePointer<UInt8>(bitPattern: UInt(address))
      check.fails(Call.write(1, pointer, 10), .badAddress, "write from \(hex: address)")
      check.fails(Call.open(path, 0, 0), .badAddress, "open \(hex: address)")
      check.fails(Call.chdir(path), .badAddress, "chdir \(hex: address)")
      check.fails(Call.mkdir(path, 0o755), .badAddress, "mkdir \(hex: address)")
      check.fails(Call.unlink(path), .badAddress, "unlink \(hex: address)")
      check.fails(Call.execve(path, nil, nil), .badAddress, "execve \(hex: address)")
    }
  },
  UserTest(name: "bad-pointers-out") { check in
    for address in badAddresses + [address_of_code()] {
      let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address))
      check.fails(Call.fstat(0, pointer), .badAddress, "fstat into \(hex: address)")
      check.fails(Call.pipe(pointer), .badAddress, "pipe into \(hex: address)")
      check.fails(Call.getcwd(pointer, 64), .badAddress, "getcwd into \(hex: address)")
    }
    do throws(SystemError) {
      let file = try Descriptor.open(literal("/proc/version"))
      for address in badAddresses + [address_of_code()] {
        let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address))
        _ = try file.seek(0, from: .start)
        check.fails(Call.read(file.rawValue, pointer, 16), .badAddress, "read to \(hex: address)")
      }
      try file.close()
    } catch {
      check.expect(false, "/proc/version: \(error.symbol)")
    }
  },
  UserTest(name: "pointer-across-end") { check in
    // Half a page that is there, and then nothing: as much as is there may be written, or nothing.
    do throws(SystemError) {
      let page = try Memory.map(size: 8192)
      Memory.unmap(page + 4096, size: 4096)
      let pipe = try Descriptor.pipe()
      let outcome = Call.write(
        pipe.writing.rawValue, UnsafeRawPointer(bitPattern: UInt(page + 4000)), 1000)
      switch outcome {
      case .success(let written): check.expect(written <= 96, "\(written) bytes out of 96")
      case .failure(let error): check.expect(error == .badAddress, "\(error.symbol)")
      }
      try pipe.reading.close()
      try pipe.writing.close()
      // A path that runs into the hole before it ends.
      let text = UnsafeMutablePointer<UInt8>(bitPattern: UInt(page + 4090))
      for index in 0..<6 { text?[index] = 0x61 }
      check.fails(Call.open(text, 0, 0), .badAddress, "a path without an end")
      Memory.unmap(page, size: 4096)
    } catch {
      _ = check.succeeds(.failure(error), "preparation")
    }
  },
  UserTest(name: "bad-descriptors") { check in
    var byte: UInt8 = 0
    for number in [-1, 57, 1023, 100_000, Int32.max, Int32.min] as [Int32] {
      check.fails(Call.read(number, &byte, 1), .badDescriptor, "read from \(number)")
      check.fails(Call.write(number, &byte, 1), .badDescriptor, "write to \(number)")
      check.fails(Call.close(number), .badDescriptor, "close \(number)")
      check.fails(Call.dup(number), .badDescriptor, "dup \(number)")
      check.fails(Call.dup2(number, 9), .badDescriptor, "dup2 of \(number)")
      check.fails(Call.lseek(number, 0, 0), .badDescriptor, "lseek \(number)")
      check.fails(Call.fsync(number), .badDescriptor, "fsync \(number)")
      check.fails(Call.fcntl(number, 1, 0), .badDescriptor, "fcntl \(number)")
    }
    check.fails(Call.dup2(0, -1), .badDescriptor, "dup2 to -1")
    check.fails(Call.dup2(0, 1 << 20), .badDescriptor, "dup2 to 2^20")
  },
  UserTest(name: "huge-sizes") { check in
    var byte: UInt8 = 0
    for size in [UInt64.max, 1 << 63, 1 << 47] as [UInt64] {
      let outcome = Call.write(1, nil, size)
      check.expect(outcome.error == .badAddress || outcome.error == .invalidArgument, "write")
      _ = Call.getcwd(&byte, 0)
      let map = Call.mmap(0, size, 3, 0x22, -1, 0)
      check.expect(!map.isSuccess, "mmap of \(hex: size) bytes")
      let grown = Call.brk(size)
      if case .success(let end) = grown { check.expect(end < 1 << 46, "brk to \(hex: size)") }
    }
    check.fails(Call.mmap(0, 0, 3, 0x22, -1, 0), .invalidArgument, "mmap of nothing")
  },
  UserTest(name: "long-paths") { check in
    let long = [UInt8](repeating: 0x61, count: 300)
    check.fails(long.withPath { Call.open($0, 0, 0) }, .nameTooLong, "a name of 300 bytes")
    var path: [UInt8] = []
    for _ in 0..<2000 { path += [0x2f, 0x61, 0x61] }
    let outcome = path.withPath { Call.open($0, 0, 0) }
    check.expect(
      outcome.error == .nameTooLong || outcome.error == .notFound, "a path of 6000 bytes")
    check.fails([].withPath { Call.open($0, 0, 0) }, .notFound, "an empty path")
  },
]

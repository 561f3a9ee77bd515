/// Memory: pages that appear when they are touched, go when they are given back, and protect.
import Apus
import UserSystem

private let pageBytes: UInt64 = 4096

let memoryTests: [UserTest] = [
  UserTest(name: "mmap") { check in
    do throws(SystemError) {
      let size = 64 * pageBytes
      let base = try Memory.map(size: size)
      let words = Memory.words(base)
      var isZero = true
      for index in stride(from: 0, to: Int(size / 8), by: 100) where words[index] != 0 {
        isZero = false
      }
      check.expect(isZero, "new pages are zero")
      for index in 0..<Int(size / 8) { words[index] = UInt64(index) }
      check.expect(words[8191] == 8191, "and keep what is written")
      Memory.unmap(base + 16 * pageBytes, size: 16 * pageBytes)
      let status = inChild {
        _ = do_read(base + 20 * pageBytes)
        return 0
      }
      check.expect(status == .killed(by: .segmentation), "a hole in the middle")
      check.expect(words[0] == 0 && words[8191] == 8191, "both sides are still there")
      Memory.unmap(base, size: size)
    } catch {
      check.succeeds(.failure(error), "mmap")
    }
  },
  UserTest(name: "mmap-errors") { check in
    check.fails(Call.mmap(1, 4096, 3, 0x32, -1, 0), .invalidArgument, "fixed at an odd address")
    check.fails(Call.mmap(0, 4096, 3, 0x02, 99, 0), .badDescriptor, "of no file")
    check.fails(Call.munmap(1, 4096), .invalidArgument, "munmap at an odd address")
    check.fails(Call.munmap(4096, 0), .invalidArgument, "munmap of nothing")
    check.expect(!Call.mmap(0x7fff_8000_0000, 4096, 3, 0x32, -1, 0).isSuccess, "over the kernel")
    check.expect(!Call.munmap(0x7fff_8010_0000, 4096).isSuccess, "munmap of the kernel")
    check.expect(
      !Call.mprotect(0x7fff_8010_0000, 4096, 7).isSuccess, "mprotect of the kernel")
    check.fails(Call.mprotect(0x7000_0000, 4096, 1), .outOfMemory, "mprotect of nothing")
  },
  UserTest(name: "mprotect") { check in
    do throws(SystemError) {
      let base = try Memory.map(size: 3 * pageBytes)
      Memory.words(base + pageBytes)[0] = 5
      Memory.protect(base + pageBytes, size: pageBytes, .read)
      check.expect(do_read(base + pageBytes) == 5, "still readable")
      let write = inChild {
        do_write(base + pageBytes); return 0
      }
      check.expect(write == .killed(by: .segmentation), "not writable")
      Memory.protect(base + pageBytes, size: pageBytes, [])
      let read = inChild { Int32(do_read(base + pageBytes)) }
      check.expect(read == .killed(by: .segmentation), "not readable")
      var byte: UInt8 = 0
      check.fails(
        Call.write(1, UnsafeRawPointer(bitPattern: UInt(base + pageBytes)), 1), .badAddress,
        "nor for the kernel on its behalf")
      _ = byte
      byte = 0
      Memory.protect(base + pageBytes, size: pageBytes, [.read, .write])
      check.expect(do_read(base + pageBytes) == 5, "what was there is there again")
      let run = inChild {
        do_jump(base); return 0
      }
      check.expect(run == .killed(by: .segmentation), "data is not code")
      Memory.unmap(base, size: 3 * pageBytes)
    } catch {
      check.succeeds(.failure(error), "mmap")
    }
  },
  UserTest(name: "mprotect-refused") { check in
    inScratch(check) { () throws(SystemError) in
      let pages = try Memory.map(size: 2 * pageBytes)
      check.fails(Call.mmap(0, 4096, 6, 0x22, -1, 0), .invalidArgument, "mmap of writable code")
      for protection in [6, 7] as [UInt64] {
        check.fails(
          Call.mprotect(pages, pageBytes, protection), .invalidArgument, "making writable code")
      }
      Memory.words(pages)[0] = 0xc3  // RET
      check.succeeds(Call.mprotect(pages, pageBytes, 5), "code that was data")
      let run = inChild {
        do_jump(pages); return 0
      }
      check.expect(run == .exited(code: 0), "it runs")
      let write = inChild {
        do_write(pages); return 0
      }
      check.expect(write == .killed(by: .segmentation), "and is not writable any more")
      Memory.unmap(pages, size: 2 * pageBytes)

      try FileTree.write([UInt8](repeating: 0x62, count: 5000), to: literal("f"))
      let file = try Descriptor.open(literal("f"))
      check.fails(Call.mmap(0, 8192, 3, 1, file.rawValue, 0), .accessDenied, "a file to be read")
      let shared = try Memory.map(size: 8192, .read, .shared, file: file)
      check.fails(Call.mprotect(shared, 8192, 3), .accessDenied, "nor by way of mprotect")
      let own = try Memory.map(size: 8192, .read, .private, file: file)
      check.succeeds(Call.mprotect(own, 8192, 3), "a copy of it may be")
      Memory.words(own)[0] = 0
      check.expect(do_read(shared) == 0x62, "which the file does not notice")
      try file.close()
      Memory.unmap(shared, size: 8192)
      Memory.unmap(own, size: 8192)
    }
  },
  UserTest(name: "brk") { check in
    guard case .success(let end) = Call.brk(0) else { return check.expect(false, "brk") }
    check.succeeds(Call.brk(end + 10 * pageBytes), "grow")
    let words = Memory.words((end + 7) & ~7)
    words[1000] = 77
    check.expect(words[1000] == 77, "the new memory holds a word")
    check.succeeds(Call.brk(end), "shrink")
    let status = inChild { Int32(do_read(end + 9 * pageBytes)) }
    check.expect(status == .killed(by: .segmentation), "what was given back is gone")
    check.succeeds(Call.brk(end + 10 * pageBytes), "grow again")
    check.expect(words[1000] == 0, "and zero when it comes again")
    check.succeeds(Call.brk(end), "shrink")
  },
  UserTest(name: "stack-grows") { check in
    check.expect(inChild { deep(500) == 500 ? 0 : 1 } == .exited(code: 0), "a deep recursion")
    check.expect(
      inChild { deep(1 << 40) == 0 ? 0 : 1 } == .killed(by: .segmentation), "an endless one")
  },
  UserTest(name: "cow") { check in
    do throws(SystemError) {
      let size = 256 * pageBytes
      let base = try Memory.map(size: size)
      let words = Memory.words(base)
      for index in 0..<256 { words[index * 512] = UInt64(index) }
      for round in 0..<3 {
        let status = inChild {
          for index in 0..<256 where words[index * 512] != UInt64(index) { return 1 }
          for index in 0..<256 { words[index * 512] = 0xdead }
          return 0
        }
        check.expect(status == .exited(code: 0), "child \(round) finds the parent's pages")
      }
      var isIntact = true
      for index in 0..<256 where words[index * 512] != UInt64(index) { isIntact = false }
      check.expect(isIntact, "no child wrote into them")
      Memory.unmap(base, size: size)
    } catch {
      check.succeeds(.failure(error), "mmap")
    }
  },
  UserTest(name: "cow-by-kernel") { check in
    // The kernel's own write to a shared page must copy it, too.
    do throws(SystemError) {
      let base = try Memory.map(size: pageBytes)
      let words = Memory.words(base)
      words[0] = 0x6161_6161
      let status = inChild {
        guard let file = try? Descriptor.open(literal("/proc/version")) else { return 1 }
        _ = Call.read(file.rawValue, UnsafeMutableRawPointer(bitPattern: UInt(base)), 8)
        return words[0] == 0x6161_6161 ? 2 : 0
      }
      check.expect(status == .exited(code: 0), "the child's read arrives in its page")
      check.expect(words[0] == 0x6161_6161, "and not in the parent's")
      Memory.unmap(base, size: pageBytes)
    } catch {
      check.succeeds(.failure(error), "mmap")
    }
  },
  UserTest(name: "shared-memory") { check in
    do throws(SystemError) {
      let base = try Memory.map(size: pageBytes, [.read, .write], [.shared, .anonymous])
      let words = Memory.words(base)
      check.expect(
        inChild {
          words[3] = 99; return 0
        } == .exited(code: 0), "a child writes")
      check.expect(words[3] == 99, "the parent sees it")
      Memory.unmap(base, size: pageBytes)
    } catch {
      check.succeeds(.failure(error), "shared mmap")
    }
  },
  UserTest(name: "mapped-file") { check in
    inScratch(check) { () throws(SystemError) in
      try FileTree.write([UInt8](repeating: 0x62, count: 5000), to: literal("f"))
      let file = try Descriptor.open(literal("f"), .readWrite)
      let base = try Memory.map(size: 8192, .read, .private, file: file)
      check.expect(do_read(base + 4999) == 0x62 && do_read(base + 5000) == 0, "bytes, then zeroes")
      try file.close()
      check.expect(do_read(base + 4000) == 0x62, "also after the file is closed")
      Memory.unmap(base, size: 8192)
    }
  },
]

@inline(never)
private func deep(_ depth: UInt64) -> UInt64 {
  var line = TextLine()
  line.append(decimal: depth)
  return depth == 0 ? 0 : deep(depth - 1) + (line.count > 0 ? 1 : 0)
}

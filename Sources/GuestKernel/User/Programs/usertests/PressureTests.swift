/// Memory that runs short: for a group of processes, for the whole machine; and page tables, which must
/// go when what they mapped has gone.
import Apus
import UserSystem

private let pageBytes: UInt64 = 4096

/// What /proc/meminfo says behind `name`, in pages.
private func amount(_ name: StaticString) -> UInt64 {
  guard let text = try? FileTree.contents(of: literal("/proc/meminfo")) else { return 0 }
  for line in text.split(separator: 0x0a) {
    let line = Array(line)
    guard line.starts(with: name) else { continue }
    var value: UInt64 = 0
    for byte in line where byte >= 0x30 && byte <= 0x39 { value = value * 10 + UInt64(byte - 0x30) }
    return value / 4
  }
  return 0
}

/// Writes to that many new pages and reads all of them again.
private func fill(_ pages: UInt64) -> Bool {
  guard let base = try? Memory.map(size: pages * pageBytes) else { return false }
  let words = Memory.words(base)
  for page in 0..<Int(pages) { words[page * 512 + page % 512] = UInt64(page) &* 0x9e37_79b9 + 1 }
  var isRight = true
  for page in 0..<Int(pages)
  where words[page * 512 + page % 512] != UInt64(page) &* 0x9e37_79b9 + 1 { isRight = false }
  Memory.unmap(base, size: pages * pageBytes)
  return isRight
}

/// A line for /proc/groups.
private func control(_ line: TextLine) -> Bool {
  (try? FileTree.write([UInt8](line), to: literal("/proc/groups"))) != nil
}

/// How a child in the group `usertests` ends that writes to that many new pages.
private func member(_ pages: UInt64) -> WaitStatus? {
  inChild {
    guard case .success(let number) = Call.gettid(), control("usertests add \(number)") else {
      return 2
    }
    return fill(pages) ? 0 : 1
  }
}

private func swap(to place: StaticString) -> Bool {
  (try? FileTree.write(literal(place), to: literal("/proc/swaps"))) != nil
}

let pressureTests: [UserTest] = [
  UserTest(name: "page-tables") { check in
    let before = amount("PageTables:")
    var most: UInt64 = 0
    for place in 1...50 as ClosedRange<UInt64> {
      let at = 0x1_0000_0000 + place << 31
      guard Call.mmap(at, 2 * pageBytes, 3, 0x32, -1, 0).isSuccess else {
        return check.expect(false, "mmap at place \(place)")
      }
      Memory.words(at)[0] = place
      most = max(most, amount("PageTables:"))
      // The second half first: the table stays as long as one page of it is used.
      Memory.unmap(at + pageBytes, size: pageBytes)
      if Memory.words(at)[0] != place { check.expect(false, "the rest of place \(place)") }
      Memory.unmap(at, size: pageBytes)
    }
    check.expect(most > before, "a page far away takes tables")
    check.expect(amount("PageTables:") <= before, "which go with it, all \(50) times")
  },
  UserTest(name: "group-limit") { check in
    guard control("usertests memory 1048576") else {
      return check.expect(false, "a group with a limit of 1 MiB")
    }
    check.expect(member(64) == .exited(code: 0), "a member may have 256 KiB")
    let status = member(1024)
    if amount("SwapFree:") > 1024 {
      check.expect(status == .exited(code: 0), "and 4 MiB, most of them in swap")
    } else {
      check.expect(status == .killed(by: .kill), "but is killed before it has 4 MiB")
    }
    check.expect(inChild { fill(1024) ? 0 : 1 } == .exited(code: 0), "others may have that")
    check.expect(control("usertests memory 0"), "no limit")
  },
  UserTest(name: "group-too-small") { check in
    guard check.has("SWAP"), check.has("OOM_KILLER") else { return }
    let hasSwap = amount("SwapFree:") > 0
    guard hasSwap || swap(to: "zram:2048"), control("usertests memory 4096") else {
      return check.expect(false, "a group that may have one page")
    }
    check.expect(member(8) == .killed(by: .kill), "who cannot execute one instruction is killed")
    check.expect(control("usertests memory 1048576"), "a limit of 1 MiB")
    check.expect(member(512) == .exited(code: 0), "who gets on is not")
    check.expect(control("usertests memory 0"), "no limit")
    if !hasSwap { check.expect(swap(to: "off"), "swapoff") }
  },
  UserTest(name: "locked-pages-stay") { check in
    guard amount("SwapFree:") > 1024 else { return }
    guard control("usertests memory 1048576") else {
      return check.expect(false, "a group with a limit of 1 MiB")
    }
    let status = inChild {
      let count = 32
      let size = UInt64(count) * pageBytes
      guard case .success(let number) = Call.gettid(), control("usertests add \(number)"),
        let locked = try? Memory.map(size: size), let other = try? Memory.map(size: size)
      else { return 1 }
      guard Call.mlock(locked, size).isSuccess else { return 2 }
      for page in 0..<count { Memory.words(other)[page * 512] = 1 }
      guard fill(1024) else { return 3 }
      var there = [UInt8](repeating: 9, count: count)
      guard Call.mincore(locked, size, &there).isSuccess, !there.contains(0) else { return 4 }
      return Call.mincore(other, size, &there).isSuccess && there.contains(0) ? 0 : 5
    }
    check.expect(status == .exited(code: 0), "what is locked stays, what is not goes to swap")
    check.expect(control("usertests memory 0"), "no limit")
  },
  UserTest(name: "beyond-ram", isSlow: true) { check in
    let swap = amount("SwapFree:")
    let pages = amount("MemFree:") + swap / 4
    // Without enough swap space that would end by the killer, which is another test's subject.
    guard swap > pages / 2 else { return }
    check.expect(
      inChild { fill(pages) ? 0 : 1 } == .exited(code: 0),
      "\(pages >> 8) MiB, more than is free, written and read again")
    check.expect(amount("SwapFree:") + 64 >= swap, "and its swap space is free again")
  },
]

/// Devices: what they give by read and by mapping, and a driver's module that stays while it is in use.
import Apus

private let pageBytes: UInt64 = 4096

let deviceTests: [UserTest] = [
  UserTest(name: "device-mmap") { check in
    do throws(SystemError) {
      let firmware: Int64 = 0xf0000
      let memory = try Descriptor.open(literal("/dev/mem"))
      _ = try memory.seek(firmware, from: .start)
      let bytes = try memory.read(limit: Int(pageBytes))
      let base = try Memory.map(
        size: pageBytes, .read, .shared, file: memory, offset: firmware)
      check.expect(isSame(base, bytes), "mapped memory is what is read")
      let write = inChild {
        Memory.words(base)[0] = 1; return 0
      }
      check.expect(write == .killed(by: .segmentation), "it cannot be written")
      Memory.unmap(base, size: pageBytes)
      let beyond = try Memory.map(size: pageBytes, .read, .shared, file: memory, offset: 0)
      let read = inChild { Int32(truncatingIfNeeded: Memory.words(beyond)[0]) }
      check.expect(read != .exited(code: 0), "memory that is nobody's business is not there")
      Memory.unmap(beyond, size: pageBytes)
      try memory.close()
      let null = try Descriptor.open(literal("/dev/null"), .readWrite)
      let nothing = Call.mmap(0, pageBytes, 1, 1, null.rawValue, 0)
      if case .success(let address) = nothing {
        let status = inChild { Int32(truncatingIfNeeded: Memory.words(address)[0]) }
        check.expect(status != .exited(code: 0), "a device without pages gives none")
        Memory.unmap(address, size: pageBytes)
      }
      try null.close()
    } catch {
      check.succeeds(.failure(error), "/dev/mem")
    }
  },
  UserTest(name: "rtc-readers") { check in
    // Each interrupt is news for one of them only.
    do throws(SystemError) {
      let clock = try Descriptor.open(literal("/dev/rtc"))
      check.succeeds(Call.ioctl(clock.rawValue, 0x4008_700c, 8192), "its fastest")
      check.succeeds(Call.ioctl(clock.rawValue, 0x7005, 0), "periodic interrupts on")
      var pids: [Int32] = []
      for _ in 0..<4 {
        let pid = try Process.fork()
        if pid == 0 {
          var isSound = true
          for _ in 0..<200 {
            let word = try? clock.read(limit: 8)
            if word?.count != 8 || word?.dropFirst().contains(where: { $0 != 0 }) != true {
              isSound = false
            }
          }
          System.exitNow(isSound ? 0 : 1)
        }
        pids.append(pid)
      }
      for pid in pids {
        let status = try Process.wait(for: pid).status
        check.expect(status == .exited(code: 0), "no reader is told of no interrupt")
      }
      try clock.close()
    } catch {
      check.succeeds(.failure(error), "/dev/rtc")
    }
  },
  UserTest(name: "module-in-use") { check in
    let loaded = literal("mailbox").withPath { Call.request_module($0, nil) }
    guard case .success = loaded else { return check.fails(loaded, .exists, "modprobe mailbox") }
    do throws(SystemError) {
      let box = try Descriptor.open(literal("/dev/mailbox"), .readWrite)
      check.fails(remove(), .busy, "rmmod of what is open")
      let base = try Memory.map(size: pageBytes, .read, .shared, file: box)
      try box.write(all: literal("hello"))
      check.expect(isSame(base, literal("HELLO")), "what is written shows in the mapping")
      check.expect(try box.read(limit: 10) == literal("HELLO"), "and is read")
      check.fails(Call.mmap(0, pageBytes, 9, 1, box.rawValue, 1), .invalidArgument, "an odd offset")
      try box.close()
      check.fails(remove(), .busy, "rmmod of what is mapped")
      check.expect(isSame(base, literal("HELLO")), "the mapping is still there")
      Memory.unmap(base, size: pageBytes)
    } catch {
      check.succeeds(.failure(error), "/dev/mailbox")
    }
    check.succeeds(remove(), "rmmod of what nobody uses")
    let opened = literal("/dev/mailbox").withPath { Call.open($0, 0, 0) }
    check.fails(opened, .notFound, "its file has gone with it")
  },
]

private func remove() -> Outcome { literal("mailbox").withPath { Call.delete_module($0, 0) } }

private func isSame(_ address: UInt64, _ bytes: [UInt8]) -> Bool {
  let memory = UnsafeRawPointer(Memory.words(address))
  for (index, byte) in bytes.enumerated()
  where memory.load(fromByteOffset: index, as: UInt8.self) != byte { return false }
  return true
}

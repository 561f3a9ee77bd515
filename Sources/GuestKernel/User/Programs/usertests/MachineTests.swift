/// The machine as a whole: names, memory, times, random numbers; and calls with several buffers.
import Apus

let machineTests: [UserTest] = [
  UserTest(name: "uname") { check in
    var record = [UInt8](repeating: 1, count: 6 * SystemIdentity.fieldSize)
    check.succeeds(record.withUnsafeMutableBytes { Call.uname($0.baseAddress) }, "uname")
    check.expect(SystemIdentity.system.text(in: record).equals("Apus"), "the system is Apus")
    check.expect(SystemIdentity.machine.text(in: record).equals("x86_64"), "it is an x86-64")
    let node = SystemIdentity.node.text(in: record)
    let name = [UInt8](text: "a-new-name")
    check.succeeds(Call.sethostname(name, 10), "sethostname")
    _ = record.withUnsafeMutableBytes { Call.uname($0.baseAddress) }
    check.expect(SystemIdentity.node.text(in: record) == name, "the node has its new name")
    check.succeeds(Call.sethostname(node, UInt64(node.count)), "sethostname back")
    check.fails(Call.sethostname(name, 65), .invalidArgument, "a name of 65 bytes")
    for address in badAddresses {
      let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address))
      check.fails(Call.uname(pointer), .badAddress, "uname into \(hex: address)")
    }
  },
  UserTest(name: "sysinfo-times") { check in
    var words = [UInt64](repeating: 0, count: 14)
    check.succeeds(words.withUnsafeMutableBytes { Call.sysinfo($0.baseAddress) }, "sysinfo")
    check.expect(words[5] > 0 && words[5] < words[4], "some memory is free, some is not")
    check.expect(words[10] >= 2, "there are processes")
    var times = [UInt64](repeating: 0, count: 4)
    let before = times.withUnsafeMutableBytes { Call.times($0.baseAddress) }
    Time.sleep(nanoseconds: 30_000_000)
    if case .success(let first) = before, case .success(let second) = Call.times(nil) {
      check.expect(second > first, "ticks go on")
    } else {
      check.expect(false, "times answers")
    }
    var processor: UInt32 = 99
    check.succeeds(Call.getcpu(&processor, nil), "getcpu")
    check.expect(processor < 64, "a processor that there is")
    for address in badAddresses where address != 0 {
      let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address))
      check.fails(Call.sysinfo(pointer), .badAddress, "sysinfo into \(hex: address)")
      check.fails(Call.times(pointer), .badAddress, "times into \(hex: address)")
      check.fails(Call.getcpu(pointer, nil), .badAddress, "getcpu into \(hex: address)")
    }
  },
  UserTest(name: "getrandom") { check in
    var one = [UInt8](repeating: 0, count: 1000)
    var other = one
    check.succeeds(one.withUnsafeMutableBytes { Call.getrandom($0.baseAddress, 1000, 0) }, "one")
    check.succeeds(
      other.withUnsafeMutableBytes { Call.getrandom($0.baseAddress, 1000, 1) }, "another")
    check.expect(one != other, "they are not the same")
    check.expect(one.suffix(16).contains { $0 != 0 }, "they reach to the end")
    check.fails(Call.getrandom(&one, 1, 8), .invalidArgument, "an unknown flag")
    check.fails(
      Call.getrandom(UnsafeMutableRawPointer(bitPattern: 0x7000_0000), 1, 0), .badAddress,
      "into nowhere")
  },
  UserTest(name: "vectors") { check in
    guard let pipe = try? Descriptor.pipe() else { return check.expect(false, "there is a pipe") }
    defer {
      _ = Call.close(pipe.reading.rawValue)
      _ = Call.close(pipe.writing.rawValue)
    }
    let text = [UInt8](text: "onetwo")
    let sent = text.withUnsafeBytes { bytes -> Outcome in
      let base = UInt64(UInt(bitPattern: bytes.baseAddress))
      let vectors: [UInt64] = [base, 3, 0, 0, base + 3, 3]
      return Call.writev(pipe.writing.rawValue, vectors, 3)
    }
    check.expect(check.succeeds(sent, "writev") == 6, "both pieces are written")
    var answer = [UInt8](repeating: 0, count: 6)
    let got = answer.withUnsafeMutableBytes { bytes -> Outcome in
      let base = UInt64(UInt(bitPattern: bytes.baseAddress))
      let vectors: [UInt64] = [base + 4, 2, base, 4]
      return Call.readv(pipe.reading.rawValue, vectors, 2)
    }
    check.expect(check.succeeds(got, "readv") == 6, "both places are filled")
    check.expect(answer == [UInt8](text: "etwoon"), "in their order")
    let huge: [UInt64] = [0, UInt64(Int64.max), 0, 1]
    check.fails(Call.writev(pipe.writing.rawValue, huge, 2), .invalidArgument, "more than there is")
    check.fails(Call.writev(pipe.writing.rawValue, huge, 1025), .invalidArgument, "1025 pieces")
    check.fails(Call.writev(99, huge, 0), .badDescriptor, "descriptor 99")
    check.fails(
      Call.readv(pipe.reading.rawValue, UnsafeRawPointer(bitPattern: 0x7000_0000), 1), .badAddress,
      "pieces nowhere")
  },
  UserTest(name: "reboot-magic") { check in
    check.fails(Call.reboot(1, 2, 0x123_4567), .invalidArgument, "the wrong words")
    check.fails(Call.reboot(0xfee1_dead, 0x2812_1969, 5), .invalidArgument, "no such command")
  },
]

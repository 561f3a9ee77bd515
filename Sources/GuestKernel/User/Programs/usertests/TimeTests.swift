/// Time: it goes on, sleeps are long enough, and interrupted ones say what is left.
import Apus

let timeTests: [UserTest] = [
  UserTest(name: "clock") { check in
    var last = Time.sinceBoot
    var isMonotonic = true
    for _ in 0..<1000 {
      let now = Time.sinceBoot
      if now < last { isMonotonic = false }
      last = now
    }
    check.expect(isMonotonic, "it never goes back")
    var span = TimeSpan(nanoseconds: 0)
    check.fails(Call.clock_gettime(77, &span), .invalidArgument, "clock 77")
    for address in badAddresses where address != 0 {
      let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address))
      check.fails(Call.clock_gettime(1, pointer), .badAddress, "into \(hex: address)")
    }
  },
  UserTest(name: "sleep") { check in
    for milliseconds in [1, 5, 20] as [UInt64] {
      let begin = Time.sinceBoot
      Time.sleep(nanoseconds: milliseconds * 1_000_000)
      let slept = Time.sinceBoot - begin
      check.expect(slept >= milliseconds * 1_000_000, "\(milliseconds) ms are not less")
      // How much more is the host's affair, but not a thousand times as much.
      check.expect(slept < 10_000_000_000, "\(milliseconds) ms are not seconds")
    }
  },
  UserTest(name: "sleep-errors") { check in
    var span = TimeSpan(nanoseconds: 0)
    span.nanoseconds = 1_000_000_000
    check.fails(Call.nanosleep(&span, nil), .invalidArgument, "a second in nanoseconds")
    span.nanoseconds = 0
    span.seconds = -1
    check.fails(Call.nanosleep(&span, nil), .invalidArgument, "less than nothing")
    check.fails(
      Call.nanosleep(UnsafeRawPointer(bitPattern: 0x7000_0000), nil), .badAddress, "from nowhere")
  },
]

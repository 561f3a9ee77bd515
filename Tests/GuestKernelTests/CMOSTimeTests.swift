import GuestKernel
import Testing

struct CMOSTimeTests {
  private func registers(
    _ year: UInt8, _ month: UInt8, _ day: UInt8, _ hour: UInt8, _ minute: UInt8, _ second: UInt8,
    century: UInt8 = 0, statusB: UInt8 = 0x02
  ) -> CMOSTime.Registers {
    CMOSTime.Registers(
      second: second, minute: minute, hour: hour, day: day, month: month, year: year,
      century: century, statusB: statusB)
  }

  @Test func readsDecimalDigits() throws {
    let time = try #require(CMOSTime(registers(0x26, 0x11, 0x21, 0x18, 0x47, 0x39, century: 0x20)))
    #expect(time.year == 2026 && time.month == 11 && time.day == 21)
    #expect(time.hour == 18 && time.minute == 47 && time.second == 39)
    #expect(time.secondsSince1970 == 1_795_286_859)
  }

  @Test func readsBinary() throws {
    let time = try #require(CMOSTime(registers(99, 12, 31, 23, 59, 59, statusB: 0x06)))
    #expect(time.year == 1999)
    #expect(time.secondsSince1970 == 946_684_799)
  }

  @Test(
    arguments: [(0x12, 0), (0x01, 1), (0x11, 11), (0x92, 12), (0x81, 13), (0x91, 23)]
      as [(UInt8, Int)])
  func readsTwelveHours(register: UInt8, hour: Int) throws {
    let time = try #require(CMOSTime(registers(0, 1, 1, register, 0, 0, statusB: 0)))
    #expect(time.hour == hour)
  }

  @Test func refusesWhatIsNoDate() {
    #expect(CMOSTime(registers(0x23, 0x02, 0x29, 0, 0, 0)) == nil)
    #expect(CMOSTime(registers(0x24, 0x02, 0x29, 0, 0, 0)) != nil)
    #expect(CMOSTime(registers(0x24, 0x13, 0x01, 0, 0, 0)) == nil)
    #expect(CMOSTime(registers(0x24, 0x01, 0x00, 0, 0, 0)) == nil)
    #expect(CMOSTime(registers(0x24, 0x01, 0x01, 0x24, 0, 0)) == nil)
  }

  @Test(arguments: [0, 951_827_696, 1_709_164_800, 1_795_286_859, 4_102_444_799] as [Int64])
  func countsBack(seconds: Int64) {
    #expect(CMOSTime(secondsSince1970: seconds).secondsSince1970 == seconds)
  }

  @Test(arguments: [
    ("%Y-%m-%d %H:%M:%S", "2026-11-22 01:02:03"), ("%a %A %b %B %e", "Sun Sunday Nov November 22"),
    ("%j %u %w %y %C", "326 7 0 26 20"), ("%I %p %s", "01 AM 1795309323"),
    ("%F %T %R %D", "2026-11-22 01:02:03 01:02 11/22/26"),
    ("%U %W %Z %% %Q", "47 46 UTC % %Q"), ("%c", "Sun Nov 22 01:02:03 2026"), ("%", "%"),
  ])
  func formats(format: String, expected: String) {
    let text = DateFormat.text(Array(format.utf8), secondsSince1970: 1_795_309_323)
    #expect(String(decoding: text, as: UTF8.self) == expected)
  }
}

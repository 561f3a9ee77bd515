/// A date and time as the battery-backed clock of the PC keeps it: in seven byte registers, in binary or
/// in BCD, on a 12- or a 24-hour dial.
///
/// MC146818 data sheet, "Time, Calendar, and Alarm Locations".
package struct CMOSTime: Equatable {
  package var year: Int
  package var month: Int
  package var day: Int
  package var hour: Int
  package var minute: Int
  package var second: Int

  /// The registers as they are read; `century` is 0 where the machine has no such register.
  package struct Registers: Equatable {
    package var second: UInt8
    package var minute: UInt8
    package var hour: UInt8
    package var day: UInt8
    package var month: UInt8
    package var year: UInt8
    package var century: UInt8
    /// Status register B: bit 1 for a 24-hour dial, bit 2 for binary.
    package var statusB: UInt8

    package init(
      second: UInt8, minute: UInt8, hour: UInt8, day: UInt8, month: UInt8, year: UInt8,
      century: UInt8, statusB: UInt8
    ) {
      self.second = second
      self.minute = minute
      self.hour = hour
      self.day = day
      self.month = month
      self.year = year
      self.century = century
      self.statusB = statusB
    }
  }

  /// Nil when the registers hold no date.
  package init?(_ registers: Registers) {
    let isBinary = registers.statusB & 0x04 != 0
    func number(_ byte: UInt8) -> Int { Int(isBinary ? byte : byte >> 4 &* 10 &+ byte & 15) }
    let isAfternoon = registers.statusB & 0x02 == 0 && registers.hour & 0x80 != 0
    hour = number(registers.hour & (registers.statusB & 0x02 == 0 ? 0x7f : 0xff))
    if registers.statusB & 0x02 == 0 { hour = hour % 12 + (isAfternoon ? 12 : 0) }
    second = number(registers.second)
    minute = number(registers.minute)
    day = number(registers.day)
    month = number(registers.month)
    let twoDigits = number(registers.year)
    let century = number(registers.century)
    year =
      (century >= 19 && century < 30 ? century * 100 : twoDigits < 70 ? 2000 : 1900) + twoDigits
    guard second < 60, minute < 60, hour < 24, (1...12).contains(month),
      day >= 1, day <= CMOSTime.days(in: month, year)
    else { return nil }
  }

  /// The date of a number of seconds since the beginning of 1970, in UTC.
  package init(secondsSince1970 seconds: Int64) {
    var days = seconds / 86400
    let rest = Int(seconds % 86400)
    hour = rest / 3600
    minute = rest / 60 % 60
    second = rest % 60
    var year = 1970
    while days >= (CMOSTime.isLeap(year) ? 366 : 365) {
      days -= CMOSTime.isLeap(year) ? 366 : 365
      year += 1
    }
    var month = 1
    while days >= CMOSTime.days(in: month, year) {
      days -= Int64(CMOSTime.days(in: month, year))
      month += 1
    }
    self.year = year
    self.month = month
    day = Int(days) + 1
  }

  /// As POSIX counts: every day has 86,400 seconds.
  package var secondsSince1970: Int64 {
    var days = 0
    for year in 1970..<max(1970, year) { days += CMOSTime.isLeap(year) ? 366 : 365 }
    for month in 1..<month { days += CMOSTime.days(in: month, year) }
    days += day - 1
    return Int64(days) * 86400 + Int64(hour * 3600 + minute * 60 + second)
  }

  private static func isLeap(_ year: Int) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  private static func days(in month: Int, _ year: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

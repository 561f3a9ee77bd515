/// A date and time of the proleptic Gregorian calendar.
public struct CivilTime: Equatable, Sendable {
  /// The year, 1 or later.
  public var year: Int
  /// The month, 1-12.
  public var month: Int
  /// The day of the month, from 1.
  public var day: Int
  /// The second of the day.
  public var secondOfDay: Int

  private static let secondsPerDay = 86_400
  private static let daysBeforeMonth = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
  private static let dayNumberOf1970 = dayNumber(year: 1970, month: 1, day: 1)

  /// The time `seconds` after 1970-01-01 00:00:00; times outside the years 1-9999 are clamped.
  public init(secondsSince1970 seconds: Int64) {
    let clamped = Int(max(-62_135_596_800, min(seconds, 253_402_300_799)))
    let days = Self.floorDivide(clamped, Self.secondsPerDay)
    secondOfDay = clamped - days * Self.secondsPerDay
    let number = days + Self.dayNumberOf1970
    var year = number * 400 / 146_097 + 2
    while Self.dayNumber(year: year, month: 1, day: 1) > number { year -= 1 }
    var month = 12
    while Self.dayNumber(year: year, month: month, day: 1) > number { month -= 1 }
    self.year = year
    self.month = month
    day = number - Self.dayNumber(year: year, month: month, day: 1) + 1
  }

  /// A date and time from its parts; a day beyond the end of the month counts into the next.
  public init(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
    self.year = max(1, year)
    self.month = max(1, min(month, 12))
    self.day = day
    secondOfDay = hour * 3600 + minute * 60 + second
  }

  /// Seconds since 1970-01-01 00:00:00.
  public var secondsSince1970: Int64 {
    let days = Self.dayNumber(year: year, month: month, day: day) - Self.dayNumberOf1970
    return Int64(days * Self.secondsPerDay + secondOfDay)
  }

  /// The day of the week, 1 for Sunday.
  public var weekday: Int { Self.dayNumber(year: year, month: month, day: day) % 7 + 1 }

  /// Days since the day before 1 January of the year 1, which was a Monday.
  private static func dayNumber(year: Int, month: Int, day: Int) -> Int {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let past = year - 1
    return past * 365 + past / 4 - past / 100 + past / 400 + daysBeforeMonth[month - 1]
      + (isLeap && month > 2 ? 1 : 0) + day
  }

  private static func floorDivide(_ value: Int, _ divisor: Int) -> Int {
    value >= 0 ? value / divisor : -((divisor - 1 - value) / divisor)
  }
}

/// A date as `date +FORMAT` writes it, from the seconds since 1970, in UTC.
///
/// POSIX.1, "date", the conversions that do not depend on a place or a language.
package enum DateFormat {
  private static let months: [StaticString] = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  private static let days: [StaticString] = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]

  package static func text(_ format: [UInt8], secondsSince1970 seconds: Int64) -> [UInt8] {
    let date = CMOSTime(secondsSince1970: seconds)
    var line: [UInt8] = []
    var at = 0
    while at < format.count {
      defer { at += 1 }
      guard format[at] == Ascii.percent, at + 1 < format.count else {
        line.append(format[at])
        continue
      }
      at += 1
      line += field(format[at], date, seconds)
    }
    return line
  }

  private static func field(_ letter: UInt8, _ date: CMOSTime, _ seconds: Int64) -> [UInt8] {
    let weekday = Int((seconds / 86400 + 4) % 7)
    var newYear = date
    (newYear.month, newYear.day, newYear.hour, newYear.minute, newYear.second) = (1, 1, 0, 0, 0)
    let dayOfYear = Int((seconds - newYear.secondsSince1970) / 86400)
    func again(_ format: StaticString) -> [UInt8] {
      text([UInt8](text: format), secondsSince1970: seconds)
    }
    switch Unicode.Scalar(letter) {
    case "Y": return number(date.year, 4)
    case "C": return number(date.year / 100, 2)
    case "y": return number(date.year % 100, 2)
    case "m": return number(date.month, 2)
    case "d": return number(date.day, 2)
    case "e": return number(date.day, 2, fill: Ascii.space)
    case "H": return number(date.hour, 2)
    case "I": return number((date.hour + 11) % 12 + 1, 2)
    case "M": return number(date.minute, 2)
    case "S": return number(date.second, 2)
    case "p": return [UInt8](text: date.hour < 12 ? "AM" : "PM")
    case "j": return number(dayOfYear + 1, 3)
    case "u": return number(weekday == 0 ? 7 : weekday, 1)
    case "w": return number(weekday, 1)
    case "U": return number((dayOfYear + 7 - weekday) / 7, 2)
    case "W": return number((dayOfYear + 7 - (weekday + 6) % 7) / 7, 2)
    case "s": return number(Int(seconds), 1)
    case "Z": return [UInt8](text: "UTC")
    case "B": return [UInt8](text: months[date.month - 1])
    case "b", "h": return Array([UInt8](text: months[date.month - 1]).prefix(3))
    case "A": return [UInt8](text: days[weekday])
    case "a": return Array([UInt8](text: days[weekday]).prefix(3))
    case "F": return again("%Y-%m-%d")
    case "T": return again("%H:%M:%S")
    case "R": return again("%H:%M")
    case "D": return again("%m/%d/%y")
    case "c": return again("%a %b %e %H:%M:%S %Y")
    case "n": return [Ascii.newline]
    case "t": return [Ascii.tab]
    case "%": return [Ascii.percent]
    default: return [Ascii.percent, letter]
    }
  }

  private static func number(_ value: Int, _ width: Int, fill: UInt8 = 0x30) -> [UInt8] {
    let digits = [UInt8](decimal: UInt64(max(0, value)))
    return [UInt8](repeating: fill, count: max(0, width - digits.count)) + digits
  }
}

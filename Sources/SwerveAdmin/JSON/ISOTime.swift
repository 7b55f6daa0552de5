/// A point in time as ISO 8601, in UTC with milliseconds: `2026-11-29T17:22:07.123Z`.
enum ISOTime {
    /// - Parameter nanoseconds: since 1970.
    static func text(nanoseconds: Int64) -> String {
        let (days, ofDay) = nanoseconds.dividedRoundingDown(by: 86_400_000_000_000)
        let (year, month, day) = date(of: days)
        let milliseconds = ofDay / 1_000_000
        let (seconds, fraction) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        let time = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { digits($0, 2) }.joined(separator: ":")
        return "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))T\(time).\(digits(fraction, 3))Z"
    }

    private static func digits(_ number: Int64, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }

    /// The date in the Gregorian calendar.
    ///
    /// - Parameter days: since 1970-01-01.
    private static func date(of days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        // Years begin in March here, so that a leap day is a year's last; 400 of them have 146,097 days.
        let (era, ofEra) = (days + 719_468).dividedRoundingDown(by: 146_097)
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let dayOfYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let isNextYear = month >= 10
        return (yearOfEra + era * 400 + (isNextYear ? 1 : 0), isNextYear ? month - 9 : month + 3, day)
    }
}

extension Int64 {
    /// The quotient rounded down, and what is left, which is never negative.
    fileprivate func dividedRoundingDown(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

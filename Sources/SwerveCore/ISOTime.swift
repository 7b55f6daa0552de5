/// A point in time as ISO 8601, in UTC with milliseconds: `2026-11-29T17:22:07.123Z`.
package enum ISOTime {
    /// - Parameter nanoseconds: since 1970.
    package static func text(nanoseconds: Int64) -> String {
        let (days, ofDay) = nanoseconds.dividedRoundingDown(by: 86_400_000_000_000)
        let (year, month, day) = date(of: days)
        let milliseconds = ofDay / 1_000_000
        let (seconds, fraction) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        let time = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { digits($0, 2) }.joined(separator: ":")
        return "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))T\(time).\(digits(fraction, 3))Z"
    }

    /// The nanoseconds since 1970 of a text as ``text(nanoseconds:)`` writes it, with or without a fraction of a second.
    ///
    /// - Returns: `nil` for another text.
    package static func nanoseconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        let shape = Array("0000-00-00T00:00:00".utf8)
        guard bytes.count > shape.count, bytes.last == UInt8(ascii: "Z") else { return nil }
        var numbers: [Int64] = [0]
        for (byte, expected) in zip(bytes, shape) {
            if expected == UInt8(ascii: "0") {
                guard (48...57).contains(byte) else { return nil }
                numbers[numbers.count - 1] = numbers[numbers.count - 1] * 10 + Int64(byte - 48)
            } else {
                guard byte == expected else { return nil }
                numbers.append(0)
            }
        }
        var fraction: Int64 = 0
        let rest = bytes[shape.count..<(bytes.count - 1)]
        if !rest.isEmpty {
            guard rest.first == UInt8(ascii: "."), (2...10).contains(rest.count) else { return nil }
            for byte in rest.dropFirst() {
                guard (48...57).contains(byte) else { return nil }
                fraction = fraction * 10 + Int64(byte - 48)
            }
            for _ in rest.count..<10 { fraction *= 10 }
        }
        guard (1...12).contains(numbers[1]), (1...31).contains(numbers[2]), numbers[3] < 24, numbers[4] < 60,
            numbers[5] < 60, (1970...2200).contains(numbers[0])
        else { return nil }
        let days = Self.days(numbers[0], numbers[1], numbers[2])
        return (days * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5]) * 1_000_000_000 + fraction
    }

    /// The days from 1970-01-01 to a date.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        // Years begin in March, as below.
        let year = month > 2 ? year : year - 1
        let (era, yearOfEra) = year.dividedRoundingDown(by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
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

internal import SwerveCore
internal import SwerveHTTPTypes
internal import SwerveLogs

/// What `GET /api/v1/logs` is asked for.
struct LogRequest {
    var query = LogQuery()
    /// Whether the answer goes on with the lines that come.
    var follows = false

    private static let fields = [
        "application", "deployment", "replica", "process", "level", "contains", "since", "after", "lines", "follow",
    ]

    /// - Parameter now: nanoseconds since 1970.
    /// - Throws: 400 that names the field and says what would be right.
    init(_ fields: [String: String], now: Int64) throws(AdminError) {
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) where !value.isEmpty {
            switch name {
            case "application": query.application = value
            case "deployment": setDeployment(value)
            // A replica's name is that of its process.
            case "replica", "process": query.process = value
            case "level": query.level = try Self.level(value)
            case "contains": query.contains = value
            case "since": query.since = try Self.since(value, now)
            case "after": query.after = try Self.number(name, value, 0...Int.max)
            case "lines": query.lines = try Self.number(name, value, 1...LogQuery.mostLines)
            case "follow": follows = try Self.flag(value)
            default:
                throw .badRequest("the query has '\(name)'; \(NearestName.hint(for: name, among: Self.fields))")
            }
        }
    }

    private mutating func setDeployment(_ text: String) {
        if let id = DeploymentID(text) {
            (query.application, query.deployment) = (id.application, id.deployment)
        } else {
            query.deployment = text
        }
    }

    private static func level(_ text: String) throws(AdminError) -> LogLevel {
        guard let level = LogLevel(rawValue: text.lowercased()) else {
            let names = LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badRequest("level is '\(text)'; it must be one of \(names)")
        }
        return level
    }

    private static func number(_ name: String, _ text: String, _ range: ClosedRange<Int>) throws(AdminError) -> Int {
        guard let number = Int(text), range.contains(number) else {
            let most = range.upperBound == .max ? "or more" : "to \(range.upperBound)"
            throw .badRequest("\(name) is '\(text)'; it must be a number, \(range.lowerBound) \(most)")
        }
        return number
    }

    private static func flag(_ text: String) throws(AdminError) -> Bool {
        switch text {
        case "true", "1": return true
        case "false", "0": return false
        default: throw .badRequest("follow is '\(text)'; it must be true or false")
        }
    }

    /// A point in time, or how long ago it was.
    private static func since(_ text: String, _ now: Int64) throws(AdminError) -> Int64 {
        if let time = ISOTime.nanoseconds(text) { return time }
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let last = text.last, let unit = units[last], let count = Double(text.dropLast()), count >= 0,
            count * unit < 1e9
        else {
            throw .badRequest(
                "since is '\(text)'; it must be a time such as 2026-11-29T17:22:07Z, or 90s, 10m, 2h or 1d"
            )
        }
        return now - Int64(count * unit * 1e9)
    }
}

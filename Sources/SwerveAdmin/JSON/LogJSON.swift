internal import SwerveConfig
internal import SwerveCore
internal import SwerveLogs

extension LogLine {
    /// The line as JSON. What a logger wrote is taken apart: its message without time and level, and of a JSON line its
    /// members.
    var json: JSONValue {
        var members: [String: JSONValue] = [:]
        if text.hasPrefix("{"), case .object(let written)? = try? JSONValue(parsing: text) {
            members = written
            if !members.keys.contains("message") { members["message"] = .string(text) }
        } else {
            members["message"] = .string(message)
        }
        if let level { members["level"] = .string(level.rawValue) }
        members["number"] = .integer(number)
        members["time"] = .string(ISOTime.text(nanoseconds: time))
        members["process"] = .string(source.description)
        members["stream"] = .string(stream.rawValue)
        if let replica = source.replica {
            members["replica"] = .string(replica.description)
            members["application"] = .string(replica.deployment.application)
            members["deployment"] = .string(replica.deployment.deployment)
        }
        return .object(members)
    }

    /// Without the time and the level of a logger's line, which stand beside it.
    private var message: String {
        guard level != nil, !text.hasPrefix("{") else { return text }
        return text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true).last.map(String.init) ?? text
    }
}

extension LogStore.Process {
    var json: JSONValue {
        [
            "process": .string(source.description), "kind": .string(source.kind.rawValue),
            "is_running": .bool(isRunning), "lines": .integer(lines), "dropped": .integer(dropped),
        ]
    }
}

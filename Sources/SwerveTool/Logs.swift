internal import ArgumentParser
internal import NIOCore
internal import NIOHTTP1
internal import SwerveCore
internal import SwerveSystem

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// `swerve logs`: what the processes wrote.
struct Logs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what replicas, proxies, the controller and the instance itself wrote.",
        discussion: """
            Without a name, the lines of all processes. Times are in UTC. It needs the token, because what programs print \
            may be secret.
            """
    )

    @OptionGroup var instance: InstanceOptions

    @Argument(
        help: """
            APPLICATION, APPLICATION/DEPLOYMENT, APPLICATION/DEPLOYMENT#NUMBER for a replica, or instance, controller, \
            proxy or proxy#NUMBER.
            """
    )
    var name: String?

    @Flag(name: [.short, .long], help: "Go on with the lines that come, until Ctrl-C.")
    var follow = false

    @Option(name: [.customShort("n"), .long], help: "How many of the latest lines, 10000 at most.")
    var lines = 100

    @Option(help: "The least level: trace, debug, info, notice, warning, error, critical.")
    var level: String?

    @Option(help: "Only lines since then: 90s, 10m, 2h, 1d ago, or a time such as 2026-11-29T17:22:07Z.")
    var since: String?

    @Option(help: "Only lines with this text, whatever its case.")
    var contains: String?

    @Flag(help: "Print each line as JSON.")
    var json = false

    private struct Page: Decodable {
        var lines: [[String: JSONValue]]
    }

    func run() async throws {
        let client = try AdminClient(instance)
        let request = LogsRequest(name, lines: lines, level: level, since: since, contains: contains, follow: follow)
        guard follow else {
            let page = try AdminClient.decode(Page.self, try await client.send(.GET, request.path))
            for line in page.lines { show(line) }
            return
        }
        try await client.follow(request.path) { text in
            let line = try AdminClient.decode([String: JSONValue].self, Data(text.utf8))
            if line.keys.contains("has_gap") {
                StandardError.write("… lines are missing here: they came faster than they were read\n")
            } else {
                show(line)
            }
            // Whoever reads a pipe reads along.
            ThisProcess.flush()
        }
    }

    private func show(_ line: [String: JSONValue]) {
        print(json ? JSONValue.object(line).json : LogText(line).text(usesColours: Terminal.hasColours))
    }
}

/// What is asked of the instance.
struct LogsRequest {
    private var fields: [(String, String)] = []

    init(_ name: String?, lines: Int, level: String?, since: String?, contains: String?, follow: Bool) {
        if let name { fields.append((Self.field(of: name), name)) }
        fields.append(("lines", "\(lines)"))
        for (field, value) in [("level", level), ("since", since), ("contains", contains)] {
            if let value { fields.append((field, value)) }
        }
        if follow { fields.append(("follow", "true")) }
    }

    private static func field(of name: String) -> String {
        if name.contains("#") || ["instance", "controller", "proxy", "replica"].contains(name) { return "process" }
        return name.contains("/") ? "deployment" : "application"
    }

    var path: String { "/api/v1/logs?" + fields.map { "\($0.0)=\($0.1.asPathPart)" }.joined(separator: "&") }
}

/// A line of the logs for people.
struct LogText {
    private let line: [String: JSONValue]

    init(_ line: [String: JSONValue]) {
        self.line = line
    }

    /// What stands in its own place, or is part of what does.
    private static let shown: Set = [
        "number", "time", "process", "level", "message", "stream", "replica", "application", "deployment", "logger",
        "metadata",
    ]

    /// - Parameter usesColours: whether the terminal's language may be used.
    func text(usesColours: Bool) -> String {
        let level = self["level"]
        let style: StatusTable.Style =
            switch level {
            case "error", "critical": .bad
            case "warning": .working
            default: .plain
            }
        var words = [(self["time"], StatusTable.Style.faint), (self["process"], .faint)]
        if !level.isEmpty { words.append((level, style)) }
        if !self["logger"].isEmpty { words.append((self["logger"] + ":", .plain)) }
        words.append((self["message"], style))
        var others = line.filter { !Self.shown.contains($0.key) }
        if case .object(let metadata)? = line["metadata"] { others.merge(metadata) { $1 } }
        for (name, value) in others.sorted(by: { $0.key < $1.key }) {
            words.append(("\(name)=\(value.plainText)", .faint))
        }
        return words.map { usesColours ? $0.0.styled($0.1) : $0.0 }.joined(separator: " ")
    }

    private subscript(_ name: String) -> String { line[name]?.plainText ?? "" }
}

extension JSONValue {
    /// A text as it is, without what changes a terminal; anything else as JSON.
    fileprivate var plainText: String {
        guard case .string(let text) = self else { return json }
        let isPlain = !text.unicodeScalars.contains {
            $0.value < 0x20 && $0 != "\t" || (0x7F..<0xA0).contains($0.value)
        }
        if isPlain { return text }
        return text.unicodeScalars.map { scalar in
            let isControl = scalar.value < 0x20 && scalar != "\t" || (0x7F..<0xA0).contains(scalar.value)
            return isControl ? scalar.escaped(asASCII: true) : String(scalar)
        }.joined()
    }
}

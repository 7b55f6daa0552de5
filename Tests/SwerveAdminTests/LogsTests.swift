import NIOCore
import SwerveCore
import SwerveHTTPTypes
import SwerveLogs
import TestSupport
import Testing

@testable import SwerveAdmin

@Suite(.timeLimit(.minutes(10))) struct LogsTests {
    private let store = LogStore(LogOptions(maxLines: 1000)) { 1_795_972_927_123_000_000 }
    private static let replica = LogSource.replica(
        ReplicaID(deployment: DeploymentID(application: "a", deployment: "B"), number: 1)
    )

    private func request(_ fields: [String: String]) throws -> LogRequest {
        try LogRequest(fields, now: 1_000_000_000_000)
    }

    private func refusal(_ fields: [String: String]) -> String {
        do {
            _ = try request(fields)
            return "accepted"
        } catch {
            return (error as? AdminError).map { "\($0.status.code) \($0.message)" } ?? "\(error)"
        }
    }

    @Test func `a query has names, a level, a time and numbers`() throws {
        #expect(try request(["deployment": "a/B"]).query == LogQuery(application: "a", deployment: "B"))
        #expect(try request(["deployment": "B"]).query == LogQuery(deployment: "B"))
        #expect(try request(["replica": "a/B#1"]).query == LogQuery(process: "a/B#1"))
        #expect(
            try request(["level": "Warning", "lines": "7", "after": "3"]).query
                == LogQuery(level: .warning, after: 3, lines: 7)
        )
        #expect(try request(["since": "10m"]).query.since == 400_000_000_000)
        #expect(try request(["since": "1970-01-01T00:00:01.5Z"]).query.since == 1_500_000_000)
        #expect(try request(["follow": "true"]).follows)
        #expect(try request([:]).query.lines == 1000)
    }

    @Test func `what cannot be understood is named, with what would be right`() {
        #expect(refusal(["levle": "info"]) == "400 the query has 'levle'; did you mean 'level'?")
        #expect(refusal(["level": "loud"]).hasPrefix("400 level is 'loud'; it must be one of trace, debug"))
        #expect(refusal(["lines": "0"]) == "400 lines is '0'; it must be a number, 1 to 10000")
        #expect(refusal(["after": "x"]) == "400 after is 'x'; it must be a number, 0 or more")
        #expect(refusal(["since": "yesterday"]).hasPrefix("400 since is 'yesterday'; it must be a time such as"))
        #expect(refusal(["since": "-5s"]).hasPrefix("400 since is '-5s'"))
        #expect(refusal(["follow": "yes"]) == "400 follow is 'yes'; it must be true or false")
    }

    private func json(_ text: String, from source: LogSource = Self.replica) -> JSONValue? {
        store.add([text], from: source, .error)
        return store.read(LogQuery(lines: 1)).lines.last?.json
    }

    @Test func `a line is an object with its source; what a logger wrote is taken apart`() {
        let text = json("2026-11-29T17:22:07.123Z warning own: slow size=3")
        #expect(
            text == [
                "number": 1, "time": "2026-11-29T17:22:07.123Z", "process": "a/B#1", "stream": "error",
                "application": "a", "deployment": "B", "replica": "a/B#1", "level": "warning",
                "message": "own: slow size=3",
            ]
        )
        let written = json(
            #"{"time":"x","level":"error","logger":"own","message":"m","request_id":"r"}"#,
            from: .proxy(1)
        )
        #expect(
            written == [
                "number": 2, "time": "2026-11-29T17:22:07.123Z", "process": "proxy#1", "stream": "error",
                "level": "error", "logger": "own", "message": "m", "request_id": "r",
            ]
        )
        #expect(json("plain")?["message"] == "plain")
        #expect(json("{not json")?["message"] == "{not json")
    }

    @Test func `a line cannot pretend to be of another process`() {
        let forged = json(#"{"message":"m","process":"instance","replica":"x/Y#9","number":0,"application":"x"}"#)
        #expect(forged?["process"] == "a/B#1")
        #expect(forged?["replica"] == "a/B#1")
        #expect(forged?["application"] == "a")
        #expect(forged?["number"] == 1)
        let own = json(#"{"message":"m","replica":"x/Y#9","application":"x"}"#, from: .proxy(1))
        #expect(own?["process"] == "proxy#1")
    }

    @Test func `of secrets, only the names are shown`() {
        let shown: JSONValue = [
            "applications": [
                "a": [
                    "name": "a",
                    "deployed_app_config": [
                        "args": ["key": "secret", "list": ["secret"]],
                        "runtime_env": ["env_vars": ["TOKEN": "secret"], "working_dir": "/d"],
                        "deployments": [
                            [
                                "name": "D", "user_config": "secret",
                                "ray_actor_options": ["runtime_env": ["env_vars": ["KEY": "secret"]]],
                            ]
                        ],
                    ],
                ]
            ]
        ]
        let text = shown.hidingSecrets.json
        #expect(!text.contains("secret"))
        for name in ["key", "list", "TOKEN", "KEY", "/d", "\"name\":\"D\""] { #expect(text.contains(name)) }
    }
}

import SwerveCore
import Testing

@testable import SwerveTool

@Suite struct LogsTests {
    private func path(_ name: String?, lines: Int = 100, level: String? = nil, contains: String? = nil) -> String {
        LogsRequest(name, lines: lines, level: level, since: nil, contains: contains, follow: false).path
    }

    @Test func `a name is an application, a deployment, a replica or another process`() {
        #expect(path(nil) == "/api/v1/logs?lines=100")
        #expect(path("words") == "/api/v1/logs?application=words&lines=100")
        #expect(path("words/Front") == "/api/v1/logs?deployment=words%2FFront&lines=100")
        #expect(path("words/Front#2") == "/api/v1/logs?process=words%2FFront%232&lines=100")
        #expect(path("proxy#1") == "/api/v1/logs?process=proxy%231&lines=100")
        #expect(path("instance") == "/api/v1/logs?process=instance&lines=100")
    }

    @Test func `what is asked is part of the address, whatever its characters`() {
        #expect(path(nil, level: "error", contains: "a&b=c") == "/api/v1/logs?lines=100&level=error&contains=a%26b%3Dc")
        let request = LogsRequest(nil, lines: 1, level: nil, since: "10m", contains: nil, follow: true)
        #expect(request.path == "/api/v1/logs?lines=1&since=10m&follow=true")
    }

    private static let line: [String: JSONValue] = [
        "number": 7, "time": "2026-11-29T17:22:07.123Z", "process": "a/B#1", "replica": "a/B#1", "application": "a",
        "deployment": "B", "level": "error", "logger": "mine", "message": "lost", "stream": "error",
        "request_id": "r1", "metadata": ["code": "7"],
    ]

    @Test func `a line says when, who, how bad and what, and then the rest`() {
        let text = LogText(Self.line).text(usesColours: false)
        #expect(text == "2026-11-29T17:22:07.123Z a/B#1 error mine: lost code=7 request_id=r1")
        let plain: [String: JSONValue] = ["time": "t", "process": "p", "message": "printed", "stream": "output"]
        #expect(LogText(plain).text(usesColours: false) == "t p printed")
    }

    @Test func `what a program prints cannot change the terminal`() {
        let text = LogText(["time": "t", "process": "p", "message": "a\u{1B}[2Jb\tc\u{9B}"]).text(usesColours: false)
        #expect(text == "t p a\\u{1B}[2Jb\tc\\u{009B}")
    }

    @Test func `a full log of an instance gets another name, and the third one goes`() throws {
        let folder = try Folder()
        let log = OwnLog(folder.path)
        func text(_ name: String) -> String { folder.text(name).map { String($0.prefix(5)) } ?? "none" }
        log.rotateIfFull { _ in Issue.record("there is nothing yet") }
        for name in ["one", "two", "three", "four"] {
            folder.write(name, to: "log")
            log.rotate()
        }
        #expect(["log", "log.1", "log.2", "log.3"].map(text) == ["none", "four", "three", "none"])
        folder.write("small", to: "log")
        log.rotateIfFull { _ in Issue.record("it is not full") }
        folder.write("large" + String(repeating: "x", count: OwnLog.maxBytes), to: "log")
        var began = ""
        log.rotateIfFull { began = $0 }
        #expect(began == log.path)
        #expect(["log", "log.1", "log.2"].map(text) == ["none", "large", "four"])
    }
}

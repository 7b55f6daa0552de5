import Logging
import SwerveCore
import SwerveLogs
import Synchronization
import Testing

@Suite struct HandlerTests {
    private func logged(_ format: LogOptions.Format, _ log: (inout Logger) -> Void) -> [String] {
        let written = Lines()
        var logger = Logger(label: "mine") { label in
            ServeLogHandler(
                label: label,
                format: format,
                level: .info,
                metadataProvider: Logger.MetadataProvider { ["request_id": "r1", "replica": "a/B#1"] },
                now: { 1_795_972_927_123_000_000 },
                write: { written.add($0) }
            )
        }
        log(&logger)
        return written.all
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    @Test func `a message is one line of text with its metadata`() {
        let lines = logged(.text) { logger in
            logger[metadataKey: "size"] = "3 MB"
            logger.info("loaded", metadata: ["name": "yolo"])
            logger.debug("not this")
        }
        #expect(
            lines == [
                "2026-11-29T17:22:07.123Z info mine: loaded name=yolo replica=a/B#1 request_id=r1 size=\"3 MB\"\n"
            ]
        )
    }

    @Test func `a message is one JSON object with the request and the replica beside it`() {
        let lines = logged(.json) { $0.warning("a \"b\"", metadata: ["n": ["1", ["x": "y"]]]) }
        #expect(
            lines == [
                #"{"time":"2026-11-29T17:22:07.123Z","level":"warning","logger":"mine","message":"a \"b\"","#
                    + #""replica":"a/B#1","request_id":"r1","metadata":{"n":["1",{"x":"y"}]}}"# + "\n"
            ]
        )
    }

    @Test func `nothing in a message begins another line or changes a terminal`() {
        for format in [LogOptions.Format.text, .json] {
            let lines = logged(format) { $0.info("a\nb\u{1B}[31m\r", metadata: ["k\n": "v\n2026 error x: forged"]) }
            #expect(lines.count == 1)
            let inside = lines[0].dropLast()
            #expect(!inside.unicodeScalars.contains { $0.value < 0x20 })
        }
    }

    @Test func `metadata of the message wins over that of the request, and that over the logger's`() {
        let lines = logged(.text) { logger in
            logger[metadataKey: "request_id"] = "logger"
            logger.info("1")
            logger.info("2", metadata: ["request_id": "message"])
        }
        #expect(lines.map { $0.contains("request_id=r1") } == [true, false])
        #expect(lines[1].contains("request_id=message"))
    }

    @Test func `what the instance logs is kept, and goes where it went before`() {
        let written = Lines()
        var logger = Logger(label: "swerve") { _ in
            ServeLogHandler(
                label: "swerve",
                format: .text,
                level: .info,
                metadataProvider: nil,
                now: { 0 },
                write: { written.add($0) }
            )
        }
        logger[metadataKey: "port"] = "1"
        let store = makeStore()
        let keeping = store.keeping(logger)
        keeping.info("listening")
        keeping.debug("not this")
        #expect(written.all == ["1970-01-01T00:00:00.000Z info swerve: listening port=1\n"])
        #expect(store.texts(LogQuery(process: "instance")).count == 1)
        #expect(store.texts()[0].hasSuffix(" info swerve: listening port=1"))
        logger.info("not kept")
        #expect(store.texts().count == 1)
    }

    @Test func `a process may log otherwise than its instance`() {
        let settings = LogSettings(LogOptions(format: .json, level: .error, accessLog: true))
        #expect(settings.with(nil) == settings)
        #expect(settings.with(ProcessLogs(level: "debug")).text == "json debug true true")
        #expect(settings.with(ProcessLogs(format: "text")).text == "text error true true")
    }

    @Test func `settings pass through a process's start`() {
        var options = LogOptions(format: .json, level: .error, accessLog: true, bootstrapsProcesses: false)
        #expect(LogSettings(LogSettings(options).text) == LogSettings(options))
        options = LogOptions()
        #expect(LogSettings(LogSettings(options).text) == LogSettings(options))
        #expect(LogSettings("text info true") == nil)
        #expect(LogSettings("xml info true true") == nil)
    }

    @Test(arguments: [
        (LogOptions(directory: ""), "logs.directory is empty; it must be a path, or nil for no files"),
        (LogOptions(maxLines: 0), "logs.maxLines is 0; it must be from 1 to 1000000"),
        (LogOptions(maxFiles: 0), "logs.maxFiles is 0; it must be from 1 to 1000"),
        (LogOptions(maxTotalBytes: 1), "logs.maxTotalBytes is 1; it must be at least 4096"), (LogOptions(), nil),
    ]) func `options out of range are named`(options: LogOptions, problem: String?) {
        #expect(options.problem == problem)
    }
}

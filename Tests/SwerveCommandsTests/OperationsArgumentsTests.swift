import ArgumentParser
import Logging
import SwerveLogs
import SwerveRuntime
import SwerveTracing
import Testing

@testable import SwerveCommands

/// What a command line says of logs and tracing.
@Suite struct OperationsArgumentsTests {
    private static func logs(_ words: String..., on options: LogOptions = LogOptions()) throws -> LogOptions {
        var options = options
        try LogArguments.parse(words).apply(to: &options)
        return options
    }

    private static func tracing(_ words: String..., on options: TracingOptions? = nil) throws -> TracingOptions? {
        var options = options
        try TracingArguments.parse(words).apply(to: &options)
        return options
    }

    private static func problem<Arguments: ParsableArguments>(_ type: Arguments.Type, _ words: [String]) -> String {
        do {
            _ = try type.parse(words)
            return "none"
        } catch {
            return type.message(for: error)
        }
    }

    @Test func `arguments become the options of logs`() throws {
        let found = try Self.logs(
            "--logs",
            "l",
            "--log-format",
            "json",
            "--log-level",
            "warning",
            "--access-log",
            "--log-max-file-bytes",
            "5000",
            "--log-max-files",
            "2",
            "--log-max-total-bytes",
            "6000"
        )
        let expected = LogOptions(
            directory: "l",
            format: .json,
            level: .warning,
            accessLog: true,
            maxFileBytes: 5000,
            maxFiles: 2,
            maxTotalBytes: 6000
        )
        #expect(found == expected)
    }

    @Test func `what the command line leaves out of logs stays as it is`() throws {
        let own = LogOptions(directory: "/own", format: .json, level: .debug, accessLog: true, maxLines: 7)
        #expect(try Self.logs(on: own) == own)
        let found = try Self.logs("--no-access-log", "--log-format", "text", on: own)
        let expected = LogOptions(directory: "/own", level: .debug, maxLines: 7)
        #expect(found == expected)
    }

    @Test(arguments: [
        (["--log-format", "xml"], "--log-format is 'xml'; it must be text or json"),
        (
            ["--log-level", "warnin"],
            "--log-level is 'warnin'; it must be one of trace, debug, info, notice, warning, error, critical; did you "
                + "mean 'warning'?"
        ),
        (["--logs", ""], "--logs is empty; it must be a path, or nil for no files"),
        (["--log-max-files", "0"], "--log-max-files is 0; it must be from 1 to 1000"),
        (["--log-max-file-bytes", "1"], "--log-max-file-bytes is 1; it must be from 4096 to 1099511627776"),
        (["--log-max-total-bytes", "1"], "--log-max-total-bytes is 1; it must be at least 4096"),
    ])
    func `a wrong argument of logs says what would be right`(_ words: [String], _ problem: String) {
        #expect(Self.problem(LogArguments.self, words) == problem)
    }

    @Test func `arguments become the options of tracing`() throws {
        let found = try Self.tracing(
            "--tracing-endpoint",
            "http://a/b",
            "--tracing-sampling",
            "0.25",
            "--tracing-service-name",
            "words"
        )
        #expect(found == TracingOptions(endpoint: "http://a/b", serviceName: "words", sampling: .ratio(0.25)))
    }

    @Test func `tracing is on with any of its arguments, and off without`() throws {
        #expect(try Self.tracing() == nil)
        #expect(try Self.tracing("--tracing") == TracingOptions())
        #expect(try Self.tracing("--tracing-sampling", "always") == TracingOptions(sampling: .always))
        #expect(try Self.tracing("--tracing-sampling", "never") == TracingOptions(sampling: .never))
    }

    @Test func `what the command line leaves out of tracing stays as it is`() throws {
        let own = TracingOptions(endpoint: "http://own", serviceName: "own", headers: ["x-key": "secret"])
        #expect(try Self.tracing(on: own) == own)
        let found = try Self.tracing("--tracing-sampling", "0", on: own)
        var expected = own
        expected.sampling = .ratio(0)
        #expect(found == expected)
        #expect(try Self.tracing("--no-tracing", on: own) == nil)
    }

    @Test(arguments: [
        (
            ["--tracing-endpoint", "collector:4318"],
            "--tracing-endpoint is 'collector:4318'; it must begin with http://"
        ),
        (
            ["--tracing-sampling", "often"],
            "--tracing-sampling is 'often'; it must be always, never or a number from 0 to 1"
        ),
        (["--tracing-sampling", "2"], "--tracing-sampling is '2'; it must be always, never or a number from 0 to 1"),
        (
            ["--tracing-service-name", ""],
            "--tracing-service-name is ''; it must have 1 to 255 bytes and no control characters"
        ),
        (
            ["--no-tracing", "--tracing-sampling", "1"],
            "--no-tracing contradicts the other options of tracing; keep one"
        ),
    ])
    func `a wrong argument of tracing says what would be right`(_ words: [String], _ problem: String) {
        #expect(Self.problem(TracingArguments.self, words) == problem)
    }

    @Test func `a program's run takes both, and logs as it was told`() throws {
        let command = try RunCommand.parse(
            ["times=2", "--port", "0", "--log-format", "json", "--log-level", "debug", "--tracing"]
        )
        #expect(command.choice.arguments == ["times=2"])
        let options = command.options
        #expect(options.port == 0)
        #expect(options.logs == LogOptions(format: .json, level: .debug))
        #expect(options.tracing == TracingOptions())
        #expect(options.logger.handler is ServeLogHandler)
        #expect(options.logger.logLevel == .debug)
        let silent = try RunCommand.parse([]).options
        #expect(silent.tracing == nil)
        #expect(!(silent.logger.handler is ServeLogHandler))
    }
}

import Logging
import SwerveConfig
import SwerveCore
import SwerveLogs
import SwerveTracing
import Testing

@testable import SwerveRuntime

/// What a configuration file says of an instance, as its options.
@Suite struct ConfiguredOptionsTests {
    private static func options(_ sections: String, _ options: ServeOptions = ServeOptions()) throws -> ServeOptions {
        var options = options
        try options.take(try ServeConfig.parse("applications: []\n\(sections)\n").config)
        return options
    }

    private static func problem(_ sections: String) -> String {
        do {
            _ = try options(sections)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test func `logging_config becomes the options of logs`() throws {
        let found = try Self.options(
            """
            logging_config: {encoding: JSON, log_level: ERROR, logs_dir: /l, enable_access_log: true, passes_on: false,
              max_lines: 1, max_bytes: 1024, max_line_bytes: 80, max_file_bytes: 4096, max_files: 2,
              max_ended_processes: 3, max_total_bytes: 5000}
            """
        ).logs
        let expected = LogOptions(
            directory: "/l",
            format: .json,
            level: .error,
            accessLog: true,
            passesOn: false,
            maxLines: 1,
            maxBytes: 1024,
            maxLineBytes: 80,
            maxFileBytes: 4096,
            maxFiles: 2,
            maxEndedProcesses: 3,
            maxTotalBytes: 5000
        )
        #expect(found == expected)
    }

    @Test(arguments: Logger.Level.allCases)
    func `every level has its name in capitals`(_ level: Logger.Level) throws {
        let found = try Self.options("logging_config: {log_level: \(level.rawValue.uppercased())}")
        #expect(found.logs.level == level)
    }

    @Test func `what logging_config leaves out stays as it is`() throws {
        var own = ServeOptions()
        own.logs = LogOptions(directory: "/own", format: .json, level: .debug, accessLog: true, maxFiles: 9)
        #expect(try Self.options("", own).logs == own.logs)
        let found = try Self.options("logging_config: {encoding: TEXT, enable_access_log: false}", own).logs
        let expected = LogOptions(directory: "/own", level: .debug, maxFiles: 9)
        #expect(found == expected)
    }

    @Test func `tracing becomes the options of tracing`() throws {
        let found = try Self.options(
            """
            tracing: {endpoint: "http://a/b", service_name: words, sampling: 0.25, headers: {x-key: secret},
              max_queued_spans: 1, max_spans_per_export: 2, export_interval_s: 0.5, export_timeout_s: 3, max_attempts: 4,
              shutdown_timeout_s: 0, max_attributes_per_span: 6, max_text_bytes: 70}
            """
        ).tracing
        var limits = TracingOptions.Limits()
        limits.maxQueuedSpans = 1
        limits.maxSpansPerExport = 2
        limits.exportInterval = .milliseconds(500)
        limits.exportTimeout = .seconds(3)
        limits.maxAttempts = 4
        limits.shutdownTimeout = .zero
        limits.maxAttributesPerSpan = 6
        limits.maxTextBytes = 70
        let expected = TracingOptions(
            endpoint: "http://a/b",
            serviceName: "words",
            sampling: .ratio(0.25),
            headers: ["x-key": "secret"],
            limits: limits
        )
        #expect(found == expected)
    }

    @Test func `an empty section turns tracing on, none leaves it as it is, and never is never`() throws {
        #expect(try Self.options("tracing: {}").tracing == TracingOptions())
        #expect(try Self.options("").tracing == nil)
        #expect(try Self.options("tracing: {sampling: never}").tracing?.sampling == .never)
        #expect(try Self.options("tracing: {sampling: always}").tracing?.sampling == .always)
    }

    @Test func `http_options become the options of HTTP`() throws {
        let found = try Self.options(
            """
            http_options: {host: 0.0.0.0, port: 1, request_timeout_s: 2, keep_alive_timeout_s: 3, proxies: 4,
              event_loops: 5, max_body_bytes: 6, max_head_bytes: 7, max_buffered_bytes: 8, max_shared_bytes: 9,
              max_connections: 10, drain_delay_s: 11, drain_timeout_s: 12}
            """
        )
        #expect(found.host == "0.0.0.0")
        #expect(found.requestTimeout == .seconds(2) && found.idleTimeout == .seconds(3))
        #expect(found.drainDelay == .seconds(11) && found.drainTimeout == .seconds(12))
        let numbers = [
            found.port, found.proxies, found.eventLoops ?? 0, found.maxBodyBytes, found.maxHeadBytes,
            found.maxBufferedBytes, found.maxSharedBytes, found.maxConnections,
        ]
        #expect(numbers == [1, 4, 5, 6, 7, 8, 9, 10])
    }

    @Test func `what http_options leave out stays as it is`() throws {
        let found = try Self.options("http_options: {port: 5}", ServeOptions(host: "::1", proxies: 2))
        #expect(found.host == "::1")
        #expect(found.port == 5)
        #expect(found.proxies == 2)
    }

    @Test(arguments: [
        (
            "tracing:\n  endpoint: ftp://host",
            "serve.yaml:3:13: tracing.endpoint: tracing.endpoint is 'ftp://host'; it must begin with http://"
        ),
        (
            "tracing: {service_name: \"\"}",
            "serve.yaml:2:25: tracing.service_name: tracing.serviceName is ''; it must have 1 to 255 bytes and no control "
                + "characters"
        ),
        (
            "tracing: {headers: {host: secret}}",
            "serve.yaml:2:20: tracing.headers: tracing.headers has 'host', which the export sets itself"
        ),
        (
            "logging_config: {logs_dir: \"a\\nb\"}",
            "serve.yaml:2:28: logging_config.logs_dir: logs.directory has a line end; it must be a path without one"
        ),
    ])
    func `what no instance would start with has its place in the file`(_ sections: String, _ problem: String) {
        #expect(Self.problem(sections) == problem)
    }
}

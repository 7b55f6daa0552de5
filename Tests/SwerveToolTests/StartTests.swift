import ArgumentParser
import Logging
import SwerveAdmin
import SwerveConfig
import SwerveLogs
import SwerveRuntime
import SwerveTracing
import Testing

@testable import SwerveTool

/// The options of the instance that `swerve start` starts.
@Suite struct StartTests {
    private static func options(_ words: [String], _ file: String? = nil) throws -> ServeOptions {
        let config = try file.map { try ServeConfig.parse("applications: []\n\($0)\n").config }
        return try Start.parse(words).options(config, state: "/state")
    }

    private static let file = """
        http_options: {host: "::1", port: 1, proxies: 1, drain_delay_s: 7}
        logging_config: {encoding: JSON, log_level: DEBUG, logs_dir: /logs, enable_access_log: true, max_lines: 5}
        tracing: {endpoint: "http://a/b", sampling: 0.5, headers: {x-key: secret}}
        """

    @Test func `without options, an instance listens on this machine and keeps logs in the state directory`() throws {
        let options = try Self.options([])
        #expect(options.host == "127.0.0.1" && options.port == 8000 && options.proxies == 0)
        #expect(options.stateDirectory == "/state")
        #expect(options.controller == .separate)
        #expect(options.admin?.host == "127.0.0.1" && options.admin?.port == 8265)
        #expect(options.logs == LogOptions(directory: "/state/logs"))
        #expect(options.tracing == nil)
    }

    @Test func `in the background, nothing is passed on unless the file says so`() throws {
        #expect(try Self.options(["--detached"]).logs.passesOn == false)
        #expect(try Self.options(["--detached"], "logging_config: {passes_on: true}").logs.passesOn)
    }

    @Test func `the file's sections become the options of the instance`() throws {
        let options = try Self.options([], Self.file)
        #expect(options.host == "::1" && options.port == 1 && options.proxies == 1)
        #expect(options.drainDelay == .seconds(7))
        let logs = LogOptions(directory: "/logs", format: .json, level: .debug, accessLog: true, maxLines: 5)
        #expect(options.logs == logs)
        let tracing = TracingOptions(endpoint: "http://a/b", sampling: .ratio(0.5), headers: ["x-key": "secret"])
        #expect(options.tracing == tracing)
    }

    @Test func `the command line comes on top of the file`() throws {
        let options = try Self.options(
            [
                "--host", "127.0.0.1", "--port", "0", "--proxies", "2", "--logs", "own", "--log-level", "error",
                "--no-access-log", "--tracing-sampling", "never",
            ],
            Self.file
        )
        #expect(options.host == "127.0.0.1" && options.port == 0 && options.proxies == 2)
        #expect(options.logs == LogOptions(directory: "own", format: .json, level: .error, maxLines: 5))
        let tracing = TracingOptions(endpoint: "http://a/b", sampling: .never, headers: ["x-key": "secret"])
        #expect(options.tracing == tracing)
        #expect(try Self.options(["--no-tracing"], Self.file).tracing == nil)
    }

    @Test(arguments: [
        (["--port", "70000"], "port is 70000; it must be from 0 to 65535"),
        (["--proxies", "65"], "proxies is 65; it must be from 0 to 64"),
    ])
    func `what no instance starts with is said before one starts`(_ words: [String], _ problem: String) {
        let failure = #expect(throws: Failure.self) { try Self.options(words) }
        #expect(failure?.description == problem)
    }

    @Test func `what is wrong in the file has its place`() {
        let failure = #expect(throws: Failure.self) { try Self.options([], "tracing: {endpoint: \"https://a\"}") }
        #expect(failure?.description.hasPrefix("serve.yaml:2:21: tracing.endpoint: tracing.endpoint is") == true)
    }

    @Test func `a deployed file keeps no header of the collector`() throws {
        let folder = try Folder()
        folder.write("applications: []\n\(Self.file)\n", to: "serve.yaml")
        let config = try ConfigFile.parse(["\(folder.path)/serve.yaml"]).read()
        #expect(config.tracing?.endpoint == "http://a/b")
        #expect(config.tracing?.headers == nil)
        let atStart = try ConfigFile.read("\(folder.path)/serve.yaml", warns: false) { $0.ignoredAtStart }
        #expect(atStart.tracing?.headers == ["x-key": "secret"])
    }
}

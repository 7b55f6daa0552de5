import SwerveConfig
import SwerveCore
import Testing

/// What a file says of the instance's logs and tracing.
@Suite struct InstanceSectionTests {
    private static func problems(_ section: String) -> [String] {
        ErrorTests.problems("applications: []\n\(section)\n")
    }

    @Test func `the fields of logging_config have the units and names of the file`() throws {
        let text = """
            applications: []
            logging_config: {encoding: JSON, log_level: 10, logs_dir: x, enable_access_log: true, passes_on: true,
              max_lines: 5, max_bytes: 2048, max_line_bytes: 1KiB, max_file_bytes: 1.5MiB, max_files: 4,
              max_ended_processes: 6, max_total_bytes: 1GB}
            """
        let logging = try #require(try ServeConfig.parse(text).config.logging)
        #expect(logging.encoding == .json)
        #expect(logging.level == .debug)
        #expect(logging.logsDirectory == "x")
        #expect(logging.logsAccess == true)
        #expect(logging.passesOn == true)
        #expect(logging.maxLines == 5)
        #expect(logging.maxBytes == 2048)
        #expect(logging.maxLineBytes == 1024)
        #expect(logging.maxFileBytes == 1_572_864)
        #expect(logging.maxFiles == 4)
        #expect(logging.maxEndedProcesses == 6)
        #expect(logging.maxTotalBytes == 1_000_000_000)
    }

    @Test func `the fields of tracing have the units and names of the file`() throws {
        let text = """
            applications: []
            tracing: {endpoint: "http://a/b", service_name: words, sampling: 0.25, headers: {x-key: secret},
              max_queued_spans: 1, max_spans_per_export: 2, export_interval_s: 0.5, export_timeout_s: 3, max_attempts: 4,
              shutdown_timeout_s: 0, max_attributes_per_span: 6, max_text_bytes: 70}
            """
        let tracing = try #require(try ServeConfig.parse(text).config.tracing)
        #expect(tracing.endpoint == "http://a/b")
        #expect(tracing.serviceName == "words")
        #expect(tracing.sampling == .ratio(0.25))
        #expect(tracing.headers == ["x-key": "secret"])
        #expect(tracing.maxQueuedSpans == 1)
        #expect(tracing.maxSpansPerExport == 2)
        #expect(tracing.exportInterval == .milliseconds(500))
        #expect(tracing.exportTimeout == .seconds(3))
        #expect(tracing.maxAttempts == 4)
        #expect(tracing.shutdownTimeout == .zero)
        #expect(tracing.maxAttributesPerSpan == 6)
        #expect(tracing.maxTextBytes == 70)
    }

    @Test(arguments: [
        ("always", TracingConfig.Sampling.always), ("never", .never), ("1", .always), ("0", .ratio(0)),
        ("1.0e-3", .ratio(0.001)),
    ])
    func `sampling is a name or a share`(_ text: String, _ sampling: TracingConfig.Sampling) throws {
        let config = try ServeConfig.parse("{applications: [], tracing: {sampling: \(text)}}").config
        #expect(config.tracing?.sampling == sampling)
        #expect(try ServeConfig.parse(config.yaml).config.tracing?.sampling == sampling)
    }

    @Test func `an empty section of tracing is one, and none or null is none`() throws {
        #expect(try ServeConfig.parse("{applications: [], tracing: {}}").config.tracing == TracingConfig())
        #expect(try ServeConfig.parse("{applications: [], tracing: null}").config.tracing == nil)
        #expect(try ServeConfig.parse("applications: []").config.tracing == nil)
    }

    @Test(arguments: [
        (
            "logging_config: {encoding: YAML}",
            "2:28: logging_config.encoding: 'encoding' is 'YAML'; it must be 'TEXT' or 'JSON'"
        ),
        (
            "logging_config: {encoding: Json}",
            "2:28: logging_config.encoding: 'encoding' is 'Json'; it must be 'TEXT' or 'JSON'; did you mean 'JSON'?"
        ),
        (
            "logging_config: {encoding: 5}",
            "2:28: logging_config.encoding: 'encoding' is 5; it must be 'TEXT' or 'JSON'"
        ),
        (
            "logging_config: {log_level: 35}",
            "2:29: logging_config.log_level: 'log_level' is 35; it must be 'TRACE', 'DEBUG', 'INFO', 'NOTICE', 'WARNING', "
                + "'ERROR', 'CRITICAL'"
        ),
        (
            "logging_config: {enable_access_log: \"true\"}",
            "2:37: logging_config.enable_access_log: 'enable_access_log' is the text 'true'; it must be true or false; "
                + "leave out the quotes"
        ),
        (
            "logging_config: {logs_dir: 5}",
            "2:28: logging_config.logs_dir: 'logs_dir' is 5; it must be a text, so put it in quotes: \"5\""
        ),
        (
            "logging_config: {logs_dir: ''}",
            "2:28: logging_config.logs_dir: the folder of the logs has no name; leave it out for the instance's"
        ),
        (
            "logging_config: {max_file_bytes: 1KiB}",
            "2:34: logging_config.max_file_bytes: 'max_file_bytes' is the text '1KiB'; it must be a whole number from 4096 "
                + "to 1099511627776 or a number with KiB, MiB, GiB, TiB, kB, MB, GB or TB, such as 2GiB"
        ),
        (
            "logging_config: {loglevel: INFO}",
            "2:18: logging_config.loglevel: there is no field 'loglevel'; did you mean 'log_level'?"
        ),
        ("logging_config: JSON", "2:17: logging_config: 'logging_config' is the text 'JSON'; it must be a mapping"),
        (
            "tracing:\n  endpont: x",
            "3:3: tracing.endpont: there is no field 'endpont'; did you mean 'endpoint'?"
        ),
        (
            "tracing: {endpoint: 4318}",
            "2:21: tracing.endpoint: 'endpoint' is 4318; it must be a text, so put it in quotes: \"4318\""
        ),
        (
            "tracing: {sampling: 1.5}",
            "2:21: tracing.sampling: 'sampling' is 1.5; it must be a number from 0 to 1"
        ),
        (
            "tracing: {sampling: allways}",
            "2:21: tracing.sampling: 'sampling' is 'allways'; it must be 'always' or 'never'; did you mean 'always'?"
        ),
        (
            "tracing: {sampling: half}",
            "2:21: tracing.sampling: 'sampling' is the text 'half'; it must be 'always' or 'never' or a number from 0 to 1"
        ),
        (
            "tracing: {max_attempts: 0}",
            "2:25: tracing.max_attempts: 'max_attempts' is 0; it must be a whole number from 1 to 100"
        ),
        (
            "tracing: http://collector",
            "2:10: tracing: 'tracing' is the text 'http://collector'; it must be a mapping"
        ),
    ])
    func `what is wrong has its place and says what would be right`(_ section: String, _ problem: String) {
        #expect(Self.problems(section) == ["serve.yaml:\(problem)"])
    }

    @Test func `a field of one section in the other says where it belongs`() {
        #expect(
            Self.problems("tracing: {log_level: INFO}").first?.contains("it belongs in logging_config") == true
        )
    }

    @Test func `the values of headers are in no error and no description`() throws {
        let wrong = Self.problems("tracing: {headers: {x-key: 12345}}")
        #expect(
            wrong == ["serve.yaml:2:28: tracing.headers.x-key: 'x-key' is no text; it must be one, so put it in quotes"]
        )
        let config = try ServeConfig.parse("{applications: [], tracing: {headers: {x-key: secret}}}").config
        var dumped = ""
        dump(config, to: &dumped)
        #expect(!dumped.contains("secret") && dumped.contains("x-key"))
        #expect(!"\(config)".contains("secret"))
    }

    @Test func `paths of logs are relative to the folder of the file`() throws {
        let config = try ServeConfig.parse("{applications: [], logging_config: {logs_dir: ./l}}").config
        #expect(config.resolvingPaths(in: "/srv").logging?.logsDirectory == "/srv/l")
    }

    private static let ignored = """
        proxy_location: Disabled
        tracing: {}
        http_options: {port: 80}
        applications:
        - import_path: a:b
          logging_config: {encoding: JSON, logs_dir: x}
          external_scaler_enabled: true
          deployments:
          - name: D
            ray_actor_options: {runtime_env: {executable: x}}
            logging_config:
              log_level: DEBUG
              enable_access_log: false
        logging_config: {}
        """
    private static let disabled = """
        serve.yaml:1:17: proxy_location: 'proxy_location' has no effect: an instance always takes HTTP requests; on \
        127.0.0.1, of this machine only
        """

    @Test func `what a deploy leaves out is told with its place, in the order of the file`() throws {
        let parsed = try ServeConfig.parse(Self.ignored)
        #expect(parsed.warnings == [])
        let atStart = "an instance that runs keeps what it started with; swerve start --config FILE takes it over"
        let atTop = "it is of the instance, and belongs in the logging_config at the top"
        #expect(
            parsed.config.ignoredByDeploy.map(\.description) == [
                Self.disabled,
                "serve.yaml:2:10: tracing: 'tracing' has no effect: \(atStart)",
                "serve.yaml:3:15: http_options: 'http_options' has no effect: \(atStart)",
                "serve.yaml:6:46: applications[0].logging_config.logs_dir: 'logs_dir' has no effect: \(atTop)",
                "serve.yaml:7:28: applications[0].external_scaler_enabled: 'external_scaler_enabled' has no effect: "
                    + "scaling is always allowed",
                "serve.yaml:13:26: applications[0].deployments[0].logging_config.enable_access_log: 'enable_access_log' has "
                    + "no effect: \(atTop)",
                "serve.yaml:14:17: logging_config: 'logging_config' has no effect: \(atStart)",
            ]
        )
    }

    @Test func `a start leaves nothing out but that there is no proxy`() throws {
        let config = try ServeConfig.parse(Self.ignored).config
        #expect(config.ignoredAtStart.map(\.description) == [Self.disabled])
        #expect(try ServeConfig.parse("{applications: [], proxy_location: HeadOnly}").config.ignoredByDeploy == [])
    }

    @Test func `a configuration that no file has tells paths alone`() {
        var config = ServeConfig()
        config.tracing = TracingConfig()
        #expect(config.ignoredByDeploy.map(\.description).map { $0.hasPrefix("tracing: 'tracing' has no") } == [true])
    }
}

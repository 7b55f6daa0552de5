import SwerveCore
import SwerveTracing
import Testing

@Suite struct OptionsTests {
    @Test func `without options and variables, spans go to a collector on this machine`() throws {
        let settings = try settings()
        let expected = try CollectorEndpoint("http://127.0.0.1:4318/v1/traces")
        #expect(settings.endpoint == expected)
        #expect(settings.serviceName == "program")
        #expect(settings.sampling == .always)
    }

    @Test func `variables give what the options leave out`() throws {
        let variables = [
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/", "OTEL_SERVICE_NAME": "words",
            "OTEL_TRACES_SAMPLER_ARG": "0.25",
        ]
        let found = try settings(variables: variables)
        let expected = try CollectorEndpoint("http://collector:4318/v1/traces")
        #expect(found.endpoint == expected)
        #expect(found.serviceName == "words")
        #expect(found.sampling == .ratio(0.25))
        let exact = try settings(
            variables: variables.merging(["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x/y"]) { $1 }
        )
        #expect(exact.endpoint.target == "/y")
    }

    @Test func `options come before variables, and empty variables count as none`() throws {
        let options = TracingOptions(endpoint: "http://a/b", serviceName: "own", sampling: .never)
        let variables = [
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other", "OTEL_SERVICE_NAME": "other", "OTEL_TRACES_SAMPLER_ARG": "x",
        ]
        let found = try settings(options, variables: variables)
        #expect(found.endpoint.host == "a")
        #expect(found.serviceName == "own")
        #expect(found.sampling == .never)
        #expect(try settings(variables: ["OTEL_SERVICE_NAME": ""]).serviceName == "program")
    }

    @Test(arguments: [
        ("http://host", "host", 80, "/"), ("HTTP://host:1/a?b=c", "host", 1, "/a?b=c"),
        ("http://[::1]:4318/v1/traces", "::1", 4318, "/v1/traces"), ("http://[::1]", "::1", 80, "/"),
        ("http://host?x", "host", 80, "/?x"),
    ])
    func `an endpoint is a URL`(_ url: String, host: String, port: Int, target: String) throws {
        let endpoint = try CollectorEndpoint(url)
        #expect(endpoint.host == host)
        #expect(endpoint.port == port)
        #expect(endpoint.target == target)
    }

    @Test(arguments: [
        ("https://host/v1/traces", "without TLS"), ("host:4318", "http://"), ("ftp://host", "http://"),
        ("http://", "no host"), ("http://:80", "no host"), ("http://host:0", "1 to 65535"),
        ("http://host:port", "1 to 65535"), ("http://host:", "1 to 65535"), ("http://a b", "blanks"),
        ("http://user:word@host", "headers"), ("http://host/#x", "fragment"), ("http://[::1", "bracket"),
        ("http://[::1]x", "follows"),
    ])
    func `what is wrong with an endpoint is said`(_ url: String, what: String) {
        #expect { try settings(TracingOptions(endpoint: url)) } throws: { error in
            guard let error = error as? ServeError, error.code == .invalidOptions else { return false }
            return error.message.contains("tracing.endpoint is '\(url)'") && error.message.contains(what)
        }
    }

    @Test func `values out of their range are refused by name`() {
        func problem(_ options: TracingOptions, _ variables: [String: String] = [:]) -> String {
            do {
                _ = try settings(options, variables: variables)
                return ""
            } catch {
                return error.message
            }
        }
        #expect(problem(TracingOptions(sampling: .ratio(1.5))).contains("ratio of 1.5"))
        #expect(problem(TracingOptions(sampling: .ratio(.nan))).contains("from 0 to 1"))
        #expect(problem(TracingOptions(serviceName: "")).contains("serviceName"))
        #expect(problem(TracingOptions(serviceName: "a\nb")).contains("serviceName"))
        #expect(problem(TracingOptions(), ["OTEL_TRACES_SAMPLER_ARG": "2"]).contains("OTEL_TRACES_SAMPLER_ARG is '2'"))
        #expect(problem(TracingOptions(headers: ["a b": "x"])).contains("'a b'"))
        #expect(problem(TracingOptions(headers: ["Host": "x"])).contains("'Host'"))
        let secret = problem(TracingOptions(headers: ["key": "se\ncret"]))
        #expect(secret.contains("'key'") && !secret.contains("cret"))
        var limits = TracingOptions.Limits()
        limits.maxQueuedSpans = 0
        #expect(problem(TracingOptions(limits: limits)).contains("maxQueuedSpans is 0; it must be from 1 to 1048576"))
        limits = .init()
        limits.exportInterval = .zero
        #expect(problem(TracingOptions(limits: limits)).contains("exportInterval"))
    }

    @Test func `settings reach another process unchanged`() throws {
        var limits = TracingOptions.Limits()
        limits.maxQueuedSpans = 7
        limits.maxSpansPerExport = 6
        limits.maxAttempts = 5
        limits.maxAttributesPerSpan = 4
        limits.maxTextBytes = 30
        limits.exportInterval = .milliseconds(3)
        limits.exportTimeout = .milliseconds(2)
        limits.shutdownTimeout = .milliseconds(1)
        let options = TracingOptions(
            endpoint: "http://[::1]:5/x",
            serviceName: "größe = 1",
            sampling: .ratio(0.125),
            headers: ["B": "two words", "a": ""],
            limits: limits
        )
        let before = try settings(options)
        let after = try #require(TracingSettings(before.text))
        #expect(after == before)
        #expect(after.limits == limits)
        #expect(after.sampling == .ratio(0.125))
        #expect(after.endpoint == before.endpoint)
        #expect(!before.text.contains("\n"))
        #expect(TracingSettings(before.text + "\tx") == nil)
        #expect(TracingSettings("") == nil)
        #expect(TracingSettings(try settings(TracingOptions(sampling: .never)).text)?.sampling == .never)
    }

    @Test func `a description does not show the headers' values`() {
        let options = TracingOptions(headers: ["x-key": "secret"])
        var dumped = ""
        dump(options, to: &dumped)
        for text in ["\(options)", String(reflecting: options), dumped] {
            #expect(!text.contains("secret"))
        }
        #expect("\(options)".contains("x-key"))
    }
}

package import SwerveCore

/// The options of tracing, complete and checked, as every process of an instance has them.
package struct TracingSettings: Hashable, Sendable {
    package let endpoint: CollectorEndpoint
    package let serviceName: String
    package let sampling: TraceSampling
    package let limits: TracingOptions.Limits
    /// Secret.
    let headers: [(name: String, value: String)]
    private let url: String

    package static let defaultEndpoint = "http://127.0.0.1:4318/v1/traces"

    /// - Parameters:
    ///   - variable: the value of an environment variable.
    ///   - program: the name of the program's file.
    /// - Throws: ``ServeError`` with code `invalidOptions`; the message names the option or the variable, its value and
    ///   what would be right. It does not repeat the values of headers.
    package init(
        _ options: TracingOptions,
        variable: (String) -> String?,
        program: String
    ) throws(ServeError) {
        // The standard treats an empty variable as one that is not set.
        func value(_ name: String) -> String? { variable(name).flatMap { $0.isEmpty ? nil : $0 } }
        let base = value("OTEL_EXPORTER_OTLP_ENDPOINT").map { ($0.hasSuffix("/") ? $0 : $0 + "/") + "v1/traces" }
        let url = options.endpoint ?? value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") ?? base ?? Self.defaultEndpoint
        var sampling = options.sampling
        if sampling == nil, let share = value("OTEL_TRACES_SAMPLER_ARG") {
            guard let number = Double(share), (0...1).contains(number) else {
                throw ServeError(
                    .invalidOptions,
                    "the variable OTEL_TRACES_SAMPLER_ARG is '\(share)'; it must be a number from 0 to 1"
                )
            }
            sampling = .ratio(number)
        }
        try self.init(
            url: url,
            serviceName: options.serviceName ?? value("OTEL_SERVICE_NAME") ?? program,
            sampling: sampling ?? .always,
            headers: options.headers,
            limits: options.limits
        )
    }

    private init(
        url: String,
        serviceName: String,
        sampling: TraceSampling,
        headers: [String: String],
        limits: TracingOptions.Limits
    ) throws(ServeError) {
        endpoint = try CollectorEndpoint(url)
        self.url = url
        if let problem = sampling.problem ?? limits.problem ?? Self.problem(serviceName, headers) {
            throw ServeError(.invalidOptions, problem)
        }
        self.serviceName = serviceName
        self.sampling = sampling
        self.headers = headers.map { ($0.key.lowercased(), $0.value) }.sorted { $0.0 < $1.0 }
        self.limits = limits
    }

    private static let reserved = ["host", "content-length", "content-type", "transfer-encoding", "connection"]

    private static func problem(_ serviceName: String, _ headers: [String: String]) -> String? {
        func isPlain(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
        if serviceName.isEmpty || serviceName.utf8.count > 255 || !isPlain(serviceName) {
            return "tracing.serviceName is '\(serviceName)'; it must have 1 to 255 bytes and no control characters"
        }
        for (name, value) in headers {
            let isToken = name.utf8.allSatisfy { byte in
                (0x21...0x7E).contains(byte) && !"\"(),/:;<=>?@[\\]{}".utf8.contains(byte)
            }
            if name.isEmpty || !isToken { return "tracing.headers has the name '\(name)', which is not an HTTP token" }
            if reserved.contains(name.lowercased()) {
                return "tracing.headers has '\(name)', which the export sets itself"
            }
            if !isPlain(value) { return "tracing.headers has control characters in the value of '\(name)'" }
        }
        return nil
    }

    package static func == (left: TracingSettings, right: TracingSettings) -> Bool { left.text == right.text }
    package func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

// How settings reach another process: one line, because settings hold no control characters.
extension TracingSettings {
    private static let separator: Character = "\t"

    package var text: String {
        let numbers = [
            limits.maxQueuedSpans, limits.maxSpansPerExport, limits.maxAttempts, limits.maxAttributesPerSpan,
            limits.maxTextBytes,
        ].map { "\($0)" }
        let times = [limits.exportInterval, limits.exportTimeout, limits.shutdownTimeout].map { "\($0.nanoseconds)" }
        let texts = [url, serviceName, sampling.word] + numbers + times + headers.flatMap { [$0.name, $0.value] }
        return texts.joined(separator: String(Self.separator))
    }

    /// - Returns: `nil` for a text that ``text`` does not produce.
    package init?(_ text: String) {
        let parts = text.split(separator: Self.separator, omittingEmptySubsequences: false).map(String.init)
        let fixed = 11
        guard parts.count >= fixed, (parts.count - fixed) % 2 == 0, let sampling = TraceSampling(word: parts[2]) else {
            return nil
        }
        let numbers = parts[3..<8].compactMap { Int($0) }
        let times = parts[8..<11].compactMap { Int64($0) }.map { Duration.nanoseconds($0) }
        guard numbers.count == 5, times.count == 3 else { return nil }
        var limits = TracingOptions.Limits()
        limits.maxQueuedSpans = numbers[0]
        limits.maxSpansPerExport = numbers[1]
        limits.maxAttempts = numbers[2]
        limits.maxAttributesPerSpan = numbers[3]
        limits.maxTextBytes = numbers[4]
        (limits.exportInterval, limits.exportTimeout, limits.shutdownTimeout) = (times[0], times[1], times[2])
        var headers: [String: String] = [:]
        for index in stride(from: fixed, to: parts.count, by: 2) { headers[parts[index]] = parts[index + 1] }
        guard
            let settings = try? TracingSettings(
                url: parts[0],
                serviceName: parts[1],
                sampling: sampling,
                headers: headers,
                limits: limits
            )
        else { return nil }
        self = settings
    }
}

extension TracingOptions.Limits {
    fileprivate var problem: String? {
        let numbers: [(String, Int, ClosedRange<Int>)] = [
            ("maxQueuedSpans", maxQueuedSpans, 1...1 << 20), ("maxSpansPerExport", maxSpansPerExport, 1...1 << 16),
            ("maxAttempts", maxAttempts, 1...100), ("maxAttributesPerSpan", maxAttributesPerSpan, 0...1 << 16),
            ("maxTextBytes", maxTextBytes, 16...1 << 20),
        ]
        for (name, value, range) in numbers where !range.contains(value) {
            return "tracing.limits.\(name) is \(value); it must be from \(range.lowerBound) to \(range.upperBound)"
        }
        for (name, time) in [("exportInterval", exportInterval), ("exportTimeout", exportTimeout)] where time <= .zero {
            return "tracing.limits.\(name) is \(time); it must be longer than zero"
        }
        if shutdownTimeout < .zero {
            return "tracing.limits.shutdownTimeout is \(shutdownTimeout); it must not be negative"
        }
        return nil
    }
}

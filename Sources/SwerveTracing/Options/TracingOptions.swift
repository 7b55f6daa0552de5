internal import SwerveCore

/// Whether and where an instance exports spans: what happened to a request on its way, in every process, as
/// OpenTelemetry sees it.
///
/// Spans go to a collector, by OTLP over HTTP with protobuf. A collector that is slow, down or full costs spans and
/// nothing else.
public struct TracingOptions: Hashable, Sendable {
    /// Where the collector takes spans; `nil`, the default, for what the environment variables
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT` say, or else
    /// `http://127.0.0.1:4318/v1/traces`.
    ///
    /// A URL with the scheme `http`. For a collector behind `https`, run one on this machine that passes spans on.
    public var endpoint: String?
    /// The name that the spans go by; `nil`, the default, for the environment variable `OTEL_SERVICE_NAME`, or else the
    /// name of the program's file.
    public var serviceName: String?
    /// Which traces are recorded; `nil`, the default, for the share that the environment variable
    /// `OTEL_TRACES_SAMPLER_ARG` says, or else all.
    public var sampling: TraceSampling?
    /// Header lines that the collector wants with each export, such as a key. They are secret: they appear in no log, no
    /// status and no command line.
    public var headers: [String: String]
    public var limits: Limits

    /// What bounds the export. When a limit is reached, spans are dropped; a warning in the log says so once, and how
    /// many there were once exports succeed again.
    public struct Limits: Hashable, Sendable {
        /// How many spans a process keeps that are not exported yet, from 1 to 1,048,576; 2,048 by default. Further ones
        /// are dropped.
        public var maxQueuedSpans = 2048
        /// How many spans one export has at most, from 1 to 65,536; 512 by default. So many waiting spans leave at once.
        public var maxSpansPerExport = 512
        /// How long a span waits for others at most before it is exported; 5 seconds by default.
        public var exportInterval = Duration.seconds(5)
        /// How long the collector may take to answer; 10 seconds by default.
        public var exportTimeout = Duration.seconds(10)
        /// How often an export is tried that the collector cannot be reached for, or answers with 429, 502, 503 or 504;
        /// from 1 to 100, 5 by default. The pause before the next attempt begins at 1 s and doubles, up to 30 s, or is
        /// what the collector asks for, up to 30 s. After the last attempt its spans are dropped.
        public var maxAttempts = 5
        /// How long the end of a process waits for its last export; 2 seconds by default.
        public var shutdownTimeout = Duration.seconds(2)
        /// How many attributes, events and links of each kind user code can give a span, up to 65,536; 128 by default.
        /// Further ones are dropped, and the span says how many.
        public var maxAttributesPerSpan = 128
        /// The longest text of an attribute or a name in bytes, up to 1 MiB; 4,096 by default. Longer ones are cut.
        public var maxTextBytes = 4096

        public init() {}
    }

    public init(
        endpoint: String? = nil,
        serviceName: String? = nil,
        sampling: TraceSampling? = nil,
        headers: [String: String] = [:],
        limits: Limits = Limits()
    ) {
        self.endpoint = endpoint
        self.serviceName = serviceName
        self.sampling = sampling
        self.headers = headers
        self.limits = limits
    }
}

extension TracingOptions: CustomStringConvertible, CustomReflectable {
    /// Without the headers' values.
    public var description: String {
        "TracingOptions(endpoint: \(endpoint ?? "default"), serviceName: \(serviceName ?? "default"), "
            + "sampling: \(sampling?.description ?? "default"), headers: \(headers.keys.sorted()))"
    }

    /// Without the headers' values, for `dump`.
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}

/// Which traces are recorded. Every process of an instance decides alike.
///
/// A request that belongs to a trace already is recorded if its `traceparent` says so. The choice is for those that
/// begin one.
public struct TraceSampling: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: Hashable { case never, ratio(Double) }
    private let kind: Kind

    /// All traces. The default.
    public static let always = TraceSampling(kind: .ratio(1))
    /// None, whatever the client says. `traceparent` still travels with requests.
    public static let never = TraceSampling(kind: .never)
    /// This share of the traces, from 0 to 1, chosen by the trace's ID. With 0 only those that the client wants
    /// recorded.
    public static func ratio(_ share: Double) -> TraceSampling { TraceSampling(kind: .ratio(share)) }

    public var description: String {
        switch kind {
        case .never: "never"
        case .ratio(let share): share == 1 ? "always" : "ratio \(share)"
        }
    }

    var problem: String? {
        guard case .ratio(let share) = kind, !(0...1).contains(share) else { return nil }
        return "tracing.sampling is a ratio of \(share); it must be from 0 to 1"
    }

    /// Whether traces are recorded at all.
    var isOn: Bool { kind != .never }

    /// Whether to record a trace that begins here.
    func takes(_ id: TraceID) -> Bool {
        guard case .ratio(let share) = kind else { return false }
        // By the 56 bits that the standard wants to be random, so that all who see the same trace decide alike.
        let random = id.low & (1 << 56 - 1)
        return Double(random) >= (1 - share) * 0x1p56
    }

    // One word, for other processes.
    var word: String {
        switch kind {
        case .never: "never"
        case .ratio(let share): "\(share)"
        }
    }

    init?(word: String) {
        if word == "never" {
            self = .never
        } else if let share = Double(word) {
            self = .ratio(share)
        } else {
            return nil
        }
    }

    private init(kind: Kind) {
        self.kind = kind
    }
}

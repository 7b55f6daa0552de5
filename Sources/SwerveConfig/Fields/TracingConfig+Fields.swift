internal import SwerveCore

extension TracingConfig {
    static let fields: [Field<TracingConfig>] = [
        Field(
            "endpoint",
            \.endpoint,
            .text(.form("a URL that begins with http://", example: "http://127.0.0.1:4318/v1/traces")) { _ in nil },
            absence: "`OTEL_EXPORTER_OTLP_ENDPOINT`, or `http://127.0.0.1:4318/v1/traces`",
            "Where the collector takes spans."
        ),
        Field(
            "service_name",
            \.serviceName,
            .text,
            absence: "`OTEL_SERVICE_NAME`, or the program's name",
            "The name that the spans go by."
        ),
        Field(
            "sampling",
            \.sampling,
            samplingFormat,
            absence: "`OTEL_TRACES_SAMPLER_ARG`, or `always`",
            "Which traces are recorded: `always`, `never`, or a share of those that begin here."
        ),
        Field(
            "headers",
            \.headers,
            .map(to: .text),
            absence: "none",
            "What the collector wants with each export, such as a key. Close the file to others."
        ),
        Field(
            "max_queued_spans",
            \.maxQueuedSpans,
            .integer(1...1 << 20),
            absence: "2048",
            "Spans that a process keeps until they are exported. Further ones are dropped."
        ),
        Field(
            "max_spans_per_export",
            \.maxSpansPerExport,
            .integer(1...1 << 16),
            absence: "512",
            "So many waiting spans leave at once."
        ),
        Field("export_interval_s", \.exportInterval, .seconds(), absence: "5", "How long a span waits for others."),
        Field(
            "export_timeout_s",
            \.exportTimeout,
            .seconds(),
            absence: "10",
            "How long the collector may take to answer."
        ),
        Field(
            "max_attempts",
            \.maxAttempts,
            .integer(1...100),
            absence: "5",
            "How often an export is tried. Then its spans are dropped."
        ),
        Field(
            "shutdown_timeout_s",
            \.shutdownTimeout,
            .seconds(zero: true),
            absence: "2",
            "How long the end of a process waits for its last export."
        ),
        Field(
            "max_attributes_per_span",
            \.maxAttributesPerSpan,
            .integer(0...1 << 16),
            absence: "128",
            "Attributes, events and links of each kind that user code can give a span."
        ),
        Field(
            "max_text_bytes",
            \.maxTextBytes,
            .integer(16...1 << 20),
            absence: "4096",
            "Longer texts of attributes and names are cut."
        ),
    ]

    /// A name, or a share.
    private static let samplingFormat: Format<Sampling> = {
        let names = Format<Sampling>.choice([("always", .always), ("never", .never)])
        let share = Format<Double>.number(0, to: 1)
        let shape = Shape.either([names.shape, share.shape])
        return Format(
            shape: shape,
            read: { node, reading in
                switch node.content {
                case .text(let text) where NearestName.of(text, among: ["always", "never"]) != nil:
                    return names.read(node, &reading)
                case .integer, .number: return share.read(node, &reading).map { .ratio($0) }
                default:
                    reading.reportType(node, shape)
                    return nil
                }
            },
            write: { names.write($0) ?? $0.share.flatMap(share.write) }
        )
    }()
}

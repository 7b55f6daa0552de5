internal import SwerveCore

// The tables of the fields. A field is declared once, here.

extension ServeConfig {
    static let fields: [Field<ServeConfig>] = [
        Field(
            "proxy_location",
            \.proxyLocation,
            .choice([.everyNode, .headOnly, .disabled].map { ($0.description, $0) }),
            absence: "`EveryNode`",
            "On which nodes a proxy takes HTTP requests. `Disabled` has no effect: an instance always takes them."
        ),
        Field(
            "http_options",
            \.http,
            .object(),
            absence: "as below",
            "How HTTP reaches the applications. Read when the instance starts."
        ),
        .unused("grpc_options", .object(grpc), "there is no gRPC proxy"),
        Field(
            "logging_config",
            \.logging,
            .object(),
            absence: "as below",
            "What becomes of what the instance's processes write. Read when the instance starts."
        ),
        Field(
            "tracing",
            \.tracing,
            .object(),
            absence: "no tracing",
            "Where spans go. Read when the instance starts."
        ),
        Field(
            "target_capacity",
            \.targetCapacity,
            .integer(0...100),
            absence: "100",
            "Which percentage of its replicas each autoscaled deployment has."
        ),
        Field(
            "applications",
            always: \.applications,
            .list(of: .object()),
            isRequired: true,
            "The applications that run. A deploy deletes those that are not named."
        ),
        .unused("controller_options", "the controller has the environment of the instance"),
        .unused("tracing_config", "its exporter is a function of Python; write 'tracing'"),
    ]

    private static let grpc: [FieldDescription] = [
        "port", "grpc_servicer_functions", "request_timeout_s", "enable_reflection",
    ].map {
        FieldDescription(
            name: $0,
            oldNames: [],
            shape: .any,
            isRequired: false,
            absence: "",
            documentation: "",
            effect: .none("there is no gRPC proxy")
        )
    }
}

extension HTTPConfig {
    private static let tls =
        "the proxy does not do TLS, and must not answer in the clear instead; put a TLS proxy before it"

    static let fields: [Field<HTTPConfig>] = [
        Field(
            "host",
            \.host,
            .text,
            absence: "`127.0.0.1`; Ray's is `0.0.0.0`",
            "The address to listen on. `0.0.0.0` is every interface of the machine."
        ),
        Field("port", \.port, .integer(0...65_535), absence: "8000", "The port to listen on; 0 for any free one."),
        Field(
            "request_timeout_s",
            \.requestTimeout,
            .seconds(),
            absence: "no limit",
            "How long a request may take. One that takes longer gets 504."
        ),
        Field(
            "keep_alive_timeout_s",
            \.idleTimeout,
            .seconds(),
            absence: "75; Ray's is 90",
            "How long a connection may be idle between requests."
        ),
        Field("proxies", \.proxies, .integer(0...64), absence: "0", "How many processes of their own take requests."),
        Field(
            "event_loops",
            \.eventLoops,
            .integer(1...1024),
            absence: "half the cores",
            "How many event loops serve connections."
        ),
        Field(
            "max_body_bytes",
            \.maxBodyBytes,
            .integer(0...Int.max),
            absence: "512 MiB",
            "The largest request body. A larger one gets 413."
        ),
        Field(
            "max_head_bytes",
            \.maxHeadBytes,
            .integer(1...Int.max),
            absence: "64 KiB",
            "The largest request head. A larger one gets 431."
        ),
        Field(
            "max_buffered_bytes",
            \.maxBufferedBytes,
            .integer(0...Int.max),
            absence: "1 GiB",
            "How many bytes of requests and of unread responses are buffered at a time. Beyond that: 503."
        ),
        Field(
            "max_shared_bytes",
            \.maxSharedBytes,
            .integer(0...Int.max),
            absence: "256 MiB",
            "How much memory each process shares with the others of the machine; 0 for none."
        ),
        Field(
            "max_connections",
            \.maxConnections,
            .integer(1...Int.max),
            absence: "10000",
            "How many connections may be open at a time."
        ),
        Field(
            "drain_delay_s",
            \.drainDelay,
            .seconds(zero: true),
            absence: "0",
            "How long requests are still taken after a shutdown began."
        ),
        Field(
            "drain_timeout_s",
            \.drainTimeout,
            .seconds(zero: true),
            absence: "20",
            "How long ongoing requests may take to finish at a shutdown."
        ),
        .unused("root_path", .text, "there is no ASGI application that would need to know its root"),
        .refused("ssl_keyfile", tls),
        .refused("ssl_certfile", tls),
        .refused("ssl_keyfile_password", tls),
        .refused("ssl_ca_certs", tls),
    ]
}

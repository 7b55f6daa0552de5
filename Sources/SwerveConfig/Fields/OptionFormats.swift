internal import SwerveCore

/// The formats of options that are a name, or a mapping with details.
enum OptionFormats {
    static let routing = Format<DeploymentOptions.Routing>.choice([
        ("power_of_two_choices", .powerOfTwoChoices), ("round_robin", .roundRobin), ("least_loaded", .leastLoaded),
        ("consistent_hash", .consistentHash),
    ])

    /// The routers that Ray Serve brings, by the ends of their import paths.
    static let rayRouters: [(name: String, value: DeploymentOptions.Routing)] = [
        ("PowerOfTwoChoicesRequestRouter", .powerOfTwoChoices), ("RoundRobinRouter", .roundRobin),
        ("ConsistentHashRouter", .consistentHash),
    ]

    static let rollout = nameOrDetails(
        names: [
            ("start_first", DeploymentOptions.Rollout.startFirst), ("stop_first", .stopFirst), ("rolling", .rolling()),
        ],
        details: Format<RollingFields>.object().mapped({ $0.rollout }, back: { RollingFields($0) })
    ) { rollout in
        rollout.problem()
    }

    static let compression = nameOrDetails(
        names: [("gzip", DeploymentOptions.Compression.gzip()), ("off", .off)],
        details: Format<CompressionFields>.object().mapped({ $0.compression }, back: { CompressionFields($0) })
    )

    static let requestDecoding = nameOrDetails(
        names: [("on", DeploymentOptions.RequestDecoding.on()), ("off", .off)],
        details: Format<DecodingFields>.object().mapped({ $0.decoding }, back: { DecodingFields($0) })
    )

    /// A name, or a mapping. Where `off` is a name, `false` means the same, because that is what YAML 1.1 makes of it.
    private static func nameOrDetails<Value: Equatable & Sendable>(
        names: [(name: String, value: Value)],
        details: Format<Value>,
        problem: @escaping @Sendable (Value) -> String? = { _ in nil }
    ) -> Format<Value> {
        let choice = Format<Value>.choice(names)
        let shape = Shape.either([choice.shape, details.shape])
        return Format(
            shape: shape,
            read: { node, reading in
                var value: Value?
                switch node.content {
                case .text: value = choice.read(node, &reading)
                case .bool(false): value = names.first { $0.name == "off" }?.value
                case .bool(true): value = names.first { $0.name == "on" }?.value
                case .fields: value = details.read(node, &reading)
                default: break
                }
                switch node.content {
                case .text, .fields: break
                default: if value == nil { reading.reportType(node, shape) }
                }
                if let value, let problem = problem(value) {
                    reading.report(.outOfRange, node, problem)
                    return nil
                }
                return value
            },
            write: { choice.write($0) ?? details.write($0) }
        )
    }
}

/// The fields of `rollout` as a mapping.
struct RollingFields: ConfigObject {
    var maxSurge: DeploymentOptions.Rollout.Amount?
    var maxUnavailable: DeploymentOptions.Rollout.Amount?
    var unused: [String: JSONValue] = [:]

    static let fields: [Field<RollingFields>] = [
        Field("max_surge", \.maxSurge, amount, absence: "25%", "How many replicas beyond the target may exist."),
        Field(
            "max_unavailable",
            \.maxUnavailable,
            amount,
            absence: "25%",
            "How many replicas fewer than the target may serve."
        ),
    ]

    private static let amount: Format<DeploymentOptions.Rollout.Amount> = {
        let count = Format<Int>.integer(0...DeploymentOptions.maximumReplicas)
        let shape = Shape.either([count.shape, .form("a percentage from 0% to 100%", example: "25%")])
        return Format(
            shape: shape,
            read: { node, reading in
                if case .text(let text) = node.content {
                    if text.hasSuffix("%"), let share = Int(text.dropLast()), (0...100).contains(share) {
                        return .percent(share)
                    }
                    reading.reportType(node, shape, text.hasSuffix("%") ? .outOfRange : .wrongType)
                    return nil
                }
                return count.read(node, &reading).map { .count($0) }
            },
            write: { amount in
                let text = "\(amount)"
                return .value(Int(text).map { .integer($0) } ?? .string(text))
            }
        )
    }()

    init() {}

    /// `nil` for a rule that has a name of its own.
    init?(_ rollout: DeploymentOptions.Rollout) {
        if rollout.servesTogether { return nil }
        self.maxSurge = rollout.maxSurge
        self.maxUnavailable = rollout.maxUnavailable
    }

    var rollout: DeploymentOptions.Rollout {
        .rolling(maxSurge: maxSurge ?? .percent(25), maxUnavailable: maxUnavailable ?? .percent(25))
    }
}

/// The fields of `compression` as a mapping.
struct CompressionFields: ConfigObject {
    var minimumBytes: Int?
    var level: Int?
    var unused: [String: JSONValue] = [:]

    static let fields: [Field<CompressionFields>] = [
        Field(
            "minimum_bytes",
            \.minimumBytes,
            .integer(0...Int.max),
            absence: "1024",
            "Shorter answers stay as they are."
        ),
        Field("level", \.level, .integer(1...9), absence: "1", "From 1, the fastest, to 9, the smallest."),
    ]

    init() {}

    init?(_ compression: DeploymentOptions.Compression) {
        guard let minimumBytes = compression.minimumBytes else { return nil }
        self.minimumBytes = minimumBytes
        self.level = compression.level
    }

    var compression: DeploymentOptions.Compression { .gzip(minimumBytes: minimumBytes ?? 1024, level: level ?? 1) }
}

/// The fields of `request_decoding` as a mapping.
struct DecodingFields: ConfigObject {
    var maximumRatio: Int?
    var unused: [String: JSONValue] = [:]

    static let fields: [Field<DecodingFields>] = [
        Field(
            "maximum_ratio",
            \.maximumRatio,
            .integer(1...1_000_000),
            absence: "200",
            "How many times as large as what was sent the decoded content may be."
        )
    ]

    init() {}

    init?(_ decoding: DeploymentOptions.RequestDecoding) {
        guard let maximumRatio = decoding.maximumRatio else { return nil }
        self.maximumRatio = maximumRatio
    }

    var decoding: DeploymentOptions.RequestDecoding { .on(maximumRatio: maximumRatio ?? 200) }
}

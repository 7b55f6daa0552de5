internal import SwerveCore

extension DeploymentConfig {
    private static let most = DeploymentOptions.maximumReplicas
    private static let mostRequests = DeploymentOptions.maximumRequests

    static let fields: [Field<DeploymentConfig>] = [
        Field(
            "name",
            always: \.name,
            .text(.form("the name of a deployment of the application", example: "Segmenter")) {
                NameRule.problem(with: $0)
            },
            isRequired: true,
            "Which deployment the options are for."
        ),
        Field(
            "num_replicas",
            \.numReplicas,
            replicas,
            "How many replicas a deploy asks for; `auto` for 1 to 100, as many as the load needs."
        ),
        Field(
            "autoscaling_config",
            \.autoscaling,
            .object(),
            "How the number of replicas follows the load. Replaces the program's, apart from its policy."
        ),
        Field(
            "max_ongoing_requests",
            \.maxOngoingRequests,
            .integer(1...mostRequests),
            oldNames: ["max_concurrent_queries"],
            "How many requests one replica handles at a time."
        ),
        Field(
            "max_queued_requests",
            \.maxQueuedRequests,
            queue,
            "How many requests may wait, in all processes of the machine together; -1 for the largest number."
        ),
        Field(
            "user_config",
            \.userConfigJSON,
            .any,
            "For the deployment's `reconfigure`. The program says which type it has."
        ),
        Field("resources", \.resources, ResourceFields.format, "What one replica reserves on its node.")
            .written { !$0.hasRayActorOptions },
        Field(
            "runtime_env",
            \.runtimeEnvironment,
            .object(),
            absence: "the application's",
            "What the replicas' processes run in."
        ).written { !$0.hasRayActorOptions },
        rayActorOptions,
        Field(
            "placement",
            \.placement,
            .choice([("process", .process), ("in_process", .inProcess)]),
            "Where the replicas run: each in its own process, or in the caller's."
        ),
        Field(
            "direct_ingress",
            \.directIngress,
            .boolean,
            "Whether the replicas take HTTP connections themselves. Only for the ingress."
        ),
        Field(
            "placement_strategy",
            \.placementStrategy,
            .choice([("spread", .spread), ("pack", .pack)]),
            "Which node a replica goes to: the one with the fewest of the deployment, or the fullest with room."
        ),
        Field(
            "max_replicas_per_node",
            \.maxReplicasPerNode,
            .integer(1...most),
            "The most replicas that one node may have."
        ),
        Field("routing", \.routing, OptionFormats.routing, "Which replica a call goes to."),
        requestRouter,
        Field(
            "admission",
            \.admission,
            .choice([("meeting_deadlines", .meetingDeadlines), ("all", .all)]),
            "Which requests are refused although the queue has a place: those that would miss their deadline, or none."
        ),
        Field("request_timeout_s", \.requestTimeout, .seconds(), "How long a request may take until it is answered."),
        Field(
            "execution",
            \.execution,
            .choice([("automatic", .automatic), ("event_loop", .eventLoop)]),
            "Which threads requests begin on."
        ),
        Field(
            "rollout",
            \.rollout,
            OptionFormats.rollout,
            "How new replicas replace old ones when a deploy changes them."
        ),
        Field(
            "rolling_update_percentage",
            \.rollingUpdateShare,
            .number(0, isIncluded: false, to: 1),
            "Ray's way to give `rollout`: the share of the replicas that may be missing. Rounded to whole percents."
        ),
        Field(
            "max_surge_percent",
            \.maxSurgePercent,
            .integer(0...100),
            "Ray's way to give `rollout`: how many replicas beyond the target may exist, in percent of it."
        ),
        Field(
            "compression",
            \.compression,
            OptionFormats.compression,
            "Whether answers to HTTP requests are compressed."
        ),
        Field(
            "request_decoding",
            \.requestDecoding,
            OptionFormats.requestDecoding,
            "Whether coded content of HTTP requests is decoded."
        ),
        Field("start_timeout_s", \.startTimeout, .seconds(), "How long a replica may take to start."),
        Field(
            "progress_deadline_s",
            \.progressDeadline,
            .seconds(),
            "How long a rollout may go without progress before the last healthy version is brought back."
        ),
        Field(
            "graceful_shutdown_timeout_s",
            \.gracefulShutdownTimeout,
            .seconds(zero: true),
            "How long a stopping replica has to finish its ongoing requests."
        ),
        Field("health_check_period_s", \.healthCheckPeriod, .seconds(), "How often a replica's health is checked."),
        Field("health_check_timeout_s", \.healthCheckTimeout, .seconds(), "How long a health check may take."),
        Field(
            "logging_config",
            \.logging,
            .object(),
            absence: "the application's",
            "How its replicas log: `encoding` and `log_level`. The other fields have an effect at the top only."
        ),
        .unused("graceful_shutdown_wait_loop_s", "a replica says itself when its requests are finished"),
        .unused("backpressure_config", "a full queue is always answered with 503 and Retry-After"),
        .unused("max_constructor_retry_count", "it is min(20, 3 x replicas)"),
        .unused("placement_group_bundles", "a replica has one node"),
        .unused("placement_group_strategy", "a replica has one node"),
        .unused("placement_group_bundle_label_selector", "a replica has one node"),
        .unused("gang_scheduling_config", "replicas start one by one"),
        .unused("deployment_actors", "there are no actors beside the replicas"),
        .unused("version", "a change is seen from the build, the arguments and the options"),
    ]

    private static let replicas: Format<Int> = {
        let count = Format<Int>.integer(0...most)
        let shape = Shape.either([count.shape, .choice(["auto"])])
        return Format(
            shape: shape,
            read: { node, reading in
                switch node.content {
                case .text("auto"): return .auto
                case .integer, .number: return count.read(node, &reading)
                case .text(let text) where NearestName.of(text, among: ["auto"]) != nil:
                    reading.reportChoice(node, text, shape, ["auto"])
                default: reading.reportType(node, shape)
                }
                return nil
            },
            write: { $0 == .auto ? .value("auto") : count.write($0) }
        )
    }()

    private static let queue: Format<Int> = {
        let count = Format<Int>.integer(-1...mostRequests)
        return Format(
            shape: count.shape,
            read: { node, reading in count.read(node, &reading).map { $0 == -1 ? mostRequests : $0 } },
            write: count.write
        )
    }()
}

internal import SwerveCore

extension AutoscalingConfig {
    private static let most = DeploymentOptions.maximumReplicas
    private static let factor = Format<Double>.number(0, isIncluded: false, to: 1_000_000)

    static let fields: [Field<AutoscalingConfig>] = [
        Field("min_replicas", \.minReplicas, .integer(0...most), absence: "1", "The fewest replicas."),
        Field(
            "initial_replicas",
            \.initialReplicas,
            .integer(0...most),
            absence: "`min_replicas`",
            "How many replicas the first deploy starts."
        ),
        Field(
            "max_replicas",
            \.maxReplicas,
            .integer(1...most),
            absence: "100; Ray's is 1",
            "The most replicas."
        ),
        Field(
            "target_ongoing_requests",
            \.targetOngoingRequests,
            factor,
            absence: "2",
            oldNames: ["target_num_ongoing_requests_per_replica"],
            "How many ongoing requests one replica should have on average."
        ),
        Field(
            "upscale_delay_s",
            \.upscaleDelay,
            .seconds(zero: true),
            absence: "0.1; Ray's is 30",
            "How long the load must ask for more replicas before they start."
        ),
        Field(
            "downscale_delay_s",
            \.downscaleDelay,
            .seconds(zero: true),
            absence: "60; Ray's is 600",
            "How long the load must ask for fewer replicas before some leave."
        ),
        Field(
            "downscale_to_zero_delay_s",
            \.downscaleToZeroDelay,
            .seconds(zero: true),
            absence: "`downscale_delay_s`",
            "The same for the last replica."
        ),
        Field(
            "upscaling_factor",
            \.upscalingFactor,
            factor,
            absence: "1",
            oldNames: ["upscale_smoothing_factor"],
            "How much of a missing number of replicas is added at once."
        ),
        Field(
            "downscaling_factor",
            \.downscalingFactor,
            factor,
            absence: "1",
            oldNames: ["downscale_smoothing_factor"],
            "How much of a surplus of replicas is removed at once."
        ),
        smoothingFactor,
        Field(
            "look_back_period_s",
            \.lookBack,
            .seconds(zero: true, to: Autoscaling.longestLookBack.seconds),
            absence: "0.5; Ray's is 30",
            "The time over which the load is aggregated; 0 for the present load."
        ),
        Field(
            "aggregation_function",
            \.aggregation,
            .choice([("mean", .mean), ("max", .max), ("min", .min)]),
            absence: "`mean`",
            "How the load of that time becomes one number."
        ),
        Field(
            "starts_for_queue",
            \.startsForQueue,
            .boolean,
            absence: "true",
            "Whether one replica starts without delay when requests wait although all replicas run."
        ),
        Field(
            "dry_run",
            \.isDryRun,
            .boolean,
            absence: "false",
            "Whether nothing is scaled and the status only tells what would be. The number is then `num_replicas`."
        ),
        .unused("metrics_interval_s", "callers report every change of their load"),
        .unused("policy", "a policy is a type of the program, which this keeps"),
    ]

    /// Both factors, unless they are given themselves.
    private static let smoothingFactor = Field<AutoscalingConfig>(
        description: FieldDescription(
            name: "smoothing_factor",
            oldNames: [],
            shape: factor.shape,
            isRequired: false,
            absence: "as they are",
            documentation: "An old way to give both factors.",
            effect: .used
        ),
        read: { node, settings, reading in
            guard !node.isNull, let value = factor.read(node, &reading) else { return }
            reading.warn(node, "'smoothing_factor' is old; write 'upscaling_factor' and 'downscaling_factor'")
            settings.upscalingFactor = settings.upscalingFactor ?? value
            settings.downscalingFactor = settings.downscalingFactor ?? value
        },
        write: { _ in nil }
    )
}

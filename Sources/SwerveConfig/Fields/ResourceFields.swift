internal import SwerveCore

/// The fields of `resources`.
struct ResourceFields: ConfigObject {
    var cpus: Double?
    var gpus: Double?
    var memory: Int?
    var custom: [String: Double]?
    var unused: [String: JSONValue] = [:]

    static let amount = Format<Double>.number(0, to: Double(Resources.mostUnits))

    static let fields: [Field<ResourceFields>] = [
        Field("cpus", \.cpus, amount, absence: "0", "Processor cores; parts are allowed."),
        Field("gpus", \.gpus, gpuAmount, absence: "0", "A part of one graphics processor, or a whole number of them."),
        Field("memory", \.memory, bytes, absence: "0", "Main memory: a number of bytes, or a text with a unit."),
        Field(
            "custom",
            \.custom,
            .map(to: amount),
            absence: "none",
            "Amounts of resources that nodes declare by name."
        ),
    ]

    /// A number of bytes, or a text such as `2GiB`.
    static let bytes = byteCount(in: 0...Int.max)

    static func byteCount(in range: ClosedRange<Int>) -> Format<Int> {
        let count = Format<Int>.integer(range)
        let shape = Shape.either([
            count.shape, .form("a number with KiB, MiB, GiB, TiB, kB, MB, GB or TB", example: "2GiB"),
        ])
        return Format(
            shape: shape,
            read: { node, reading in
                guard case .text(let text) = node.content else { return count.read(node, &reading) }
                guard let size = bytes(text) else {
                    reading.reportType(node, shape)
                    return nil
                }
                guard range.contains(size) else {
                    reading.reportType(node, shape, .outOfRange)
                    return nil
                }
                return size
            },
            write: count.write
        )
    }

    private static func bytes(_ text: String) -> Int? {
        let units = [
            ("KiB", 1024.0), ("MiB", 1_048_576), ("GiB", 1_073_741_824), ("TiB", 1_099_511_627_776), ("kB", 1e3),
            ("MB", 1e6),
            ("GB", 1e9), ("TB", 1e12),
        ]
        guard let (unit, factor) = units.first(where: { text.hasSuffix($0.0) }) else { return nil }
        var number = text.dropLast(unit.count)
        while number.last == " " { number.removeLast() }
        guard let amount = Double(number), amount >= 0 else { return nil }
        return Int(exactly: (amount * factor).rounded())
    }

    /// At most one, or whole.
    static let gpuAmount: Format<Double> = {
        let shape = Shape.either([.number(from: 0, to: 1), .integer(1...Int(Resources.mostUnits))])
        return Format(
            shape: shape,
            read: { node, reading in
                guard let value = amount.read(node, &reading) else { return nil }
                if value > 1, value != value.rounded() {
                    reading.reportType(node, shape, .outOfRange)
                    return nil
                }
                return value
            },
            write: amount.write
        )
    }()

    static let format: Format<Resources> = Format<ResourceFields>.object().mapped({ $0.resources }, back: { .init($0) })

    var resources: Resources {
        Resources(cpus: cpus ?? 0, gpus: gpus ?? 0, memory: memory ?? 0, custom: custom ?? [:])
    }

    init() {}

    init(_ resources: Resources) {
        if resources.cpus != .zero { cpus = resources.cpus.value }
        if resources.gpus != .zero { gpus = resources.gpus.value }
        if resources.memory != 0 { memory = resources.memory }
        if !resources.custom.isEmpty { custom = resources.custom.mapValues(\.value) }
    }
}

/// The fields of Ray's `ray_actor_options`, which say the same as `resources` and `runtime_env`.
struct RayActorOptions: ConfigObject {
    var cpus: Double?
    var gpus: Double?
    var memory: Int?
    var custom: [String: Double]?
    var runtimeEnvironment: RuntimeEnvironmentConfig?
    var unused: [String: JSONValue] = [:]

    static let fields: [Field<RayActorOptions>] = [
        Field("num_cpus", \.cpus, ResourceFields.amount, absence: "0; Ray's is 1", "`resources.cpus`"),
        Field("num_gpus", \.gpus, ResourceFields.gpuAmount, absence: "0", "`resources.gpus`"),
        Field("memory", \.memory, ResourceFields.bytes, absence: "0", "`resources.memory`"),
        Field("resources", \.custom, .map(to: ResourceFields.amount), absence: "none", "`resources.custom`"),
        Field("runtime_env", \.runtimeEnvironment, .object(), absence: "the application's", "`runtime_env`"),
        .unused("accelerator_type", "declare it as a resource of the nodes that have it"),
        .unused("object_store_memory", "there is no object store"),
        .unused("label_selector", "nodes have no labels; declare a resource instead"),
        .unused("fallback_strategy", "nodes have no labels; declare a resource instead"),
    ]

    init() {}

    /// Ray's form of what a deployment has.
    init(_ resources: Resources, _ environment: RuntimeEnvironmentConfig?) {
        let fields = ResourceFields(resources)
        (cpus, gpus, memory, custom) = (fields.cpus, fields.gpus, fields.memory, fields.custom)
        runtimeEnvironment = environment
    }

    var resources: Resources? {
        if cpus == nil, gpus == nil, memory == nil, custom == nil { return nil }
        return Resources(cpus: cpus ?? 0, gpus: gpus ?? 0, memory: memory ?? 0, custom: custom ?? [:])
    }
}

/// The `ray_actor_options` of a deployment, until all its fields are read.
struct GivenActorOptions: Sendable {
    let options: RayActorOptions
    let place: ConfigPlace
}

extension DeploymentConfig {
    /// Ray's form of `resources` and `runtime_env`. It is taken over once all fields are read.
    static let rayActorOptions = Field<DeploymentConfig>(
        description: FieldDescription(
            name: rayActorOptionsName,
            oldNames: [],
            shape: RayActorOptions.shape,
            isRequired: false,
            absence: "",
            documentation: "Ray's way to give `resources` and `runtime_env`; replaces what the program says of both.",
            effect: .used
        ),
        read: { node, deployment, reading in
            guard !node.isNull, let options = RayActorOptions.read(node, &reading) else { return }
            deployment.givenActorOptions.value = GivenActorOptions(options: options, place: reading.place(node))
        },
        write: { deployment in
            let unused = deployment.unused[rayActorOptionsName]
            guard deployment.hasRayActorOptions else { return unused.map { .value($0) } }
            var options = RayActorOptions(deployment.resources ?? Resources(), deployment.runtimeEnvironment)
            if case .object(let members)? = unused { options.unused = members }
            return options.tree
        }
    )

    /// Takes the `ray_actor_options` of the file over, if there are any.
    ///
    /// What is given by its own name, too, must be the same. Then the options are only another form of it, as in what
    /// an instance says of a deployment.
    mutating func takeRayActorOptions(_ reading: inout Reading) {
        guard let given = givenActorOptions.value else { return }
        givenActorOptions.value = nil
        let options = given.options
        if !options.unused.isEmpty { unused[Self.rayActorOptionsName] = .object(options.unused) }
        guard resources != nil || runtimeEnvironment != nil else {
            hasRayActorOptions = true
            resources = options.resources ?? Resources()
            runtimeEnvironment = options.runtimeEnvironment
            return
        }
        func check<Value: Equatable>(_ own: Value?, _ other: Value?, _ name: String) {
            guard let own, let other, own != other else { return }
            reading.report(.conflict, at: given.place, "\(name) says something else than ray_actor_options; keep one")
        }
        check(resources, options.resources, "resources")
        check(runtimeEnvironment, options.runtimeEnvironment, "runtime_env")
        resources = resources ?? options.resources
        runtimeEnvironment = runtimeEnvironment ?? options.runtimeEnvironment
    }

    private static let rayActorOptionsName = "ray_actor_options"

    /// Ray's form of `routing`: the class of a router.
    static let requestRouter = Field<DeploymentConfig>(
        description: FieldDescription(
            name: requestRouterName,
            oldNames: [],
            shape: .map(.any),
            isRequired: false,
            absence: "",
            documentation: "Ray's way to give `routing`: in `request_router_class`, its classes "
                + "\(OptionFormats.rayRouters.map { "`\($0.name)`" }.joined(separator: ", ")) are known.",
            effect: .used
        ),
        read: { node, deployment, reading in
            guard !node.isNull, let members = Format<[String: JSONValue]>.anything.read(node, &reading) else { return }
            var rest = members
            if case .string(let path)? = members["request_router_class"],
                let router = OptionFormats.rayRouters.first(where: { path.hasSuffix($0.name) })
            {
                if deployment.routing != nil {
                    reading.report(.conflict, node, "routing says the same as \(requestRouterName); keep one")
                }
                deployment.routing = router.value
                rest["request_router_class"] = nil
            }
            guard !rest.isEmpty else { return }
            deployment.unused[requestRouterName] = .object(rest)
            let names = rest.keys.sorted().joined(separator: ", ")
            reading.warn(node, "\(names) of '\(requestRouterName)' has no effect: routing has no such setting here")
        },
        write: { $0.unused[requestRouterName].map { .value($0) } }
    )

    private static let requestRouterName = "request_router_config"
}

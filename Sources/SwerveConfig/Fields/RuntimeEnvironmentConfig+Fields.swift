internal import SwerveCore

extension RuntimeEnvironmentConfig {
    private static let python = "the replicas are not Python"
    private static let container = "replicas run as processes of the machine"

    static let fields: [Field<RuntimeEnvironmentConfig>] = [
        Field(
            "env_vars",
            \.variables,
            .map(to: .text) { RuntimeEnvironment.problem(withName: $0) },
            absence: "none",
            "Added to the environment of the replicas' processes. Numbers need quotes."
        ),
        Field(
            "working_dir",
            \.workingDirectory,
            .text(.form("the path of a folder or a ZIP file", example: "assets")) { text in
                do throws(ServeError) { _ = try RuntimeEnvironment.path(of: text) } catch { return error.message }
                return nil
            },
            absence: "the instance's",
            "The folder that the replicas' processes start in, or a ZIP file of it, relative to the file's folder; or a "
                + "`file:` URI."
        ),
        Field(
            "excludes",
            \.excludes,
            excludes,
            absence: "nothing",
            "What is left out of the `working_dir`, as patterns of `.gitignore`, such as `*.ckpt` or `/data/`."
        ),
        Field(
            "inherit",
            \.inherits,
            inherited,
            absence: "`base`",
            "Which of the instance's own variables the processes get: `base`, those that say where things are; a list of "
                + "others beside these; `all`; `none`."
        ),
        Field("limits", \.limits, limitsFormat, absence: "the instance's", "What the system limits the processes to."),
        Field(
            "executable",
            \.executable,
            .text,
            absence: "the application's, or that of the `import_path`",
            "Another build of the program, relative to the file's folder; also for one deployment."
        ),
        .unused("pip", python),
        .unused("uv", python),
        .unused("conda", python),
        .unused("py_modules", python),
        .unused("py_executable", python),
        .unused("java_jars", "the replicas are not Java"),
        .unused("worker_process_setup_hook", python),
        .unused("container", container),
        .unused("image_uri", container),
        .unused("config", "it configures Ray's own set-up of environments"),
        .unused("nsight", "run the program under the profiler instead"),
        .unused("rocprof_sys", "run the program under the profiler instead"),
        .unused("mpi", python),
    ]

    /// A list with a limit.
    private static let excludes: Format<[String]> = {
        let list = Format<[String]>.list(of: .text(.text) { ExcludePatterns.problem(with: $0) })
        return Format(
            shape: list.shape,
            read: { node, reading in
                guard let patterns = list.read(node, &reading) else { return nil }
                guard let problem = ExcludePatterns.problem(withCount: patterns.count) else { return patterns }
                reading.report(.outOfRange, node, problem)
                return nil
            },
            write: list.write
        )
    }()

    /// A name for a set, or a list of names beside the base.
    private static let inherited: Format<InheritedVariables> = {
        let choice = Format<InheritedVariables>.choice([("base", .base), ("all", .all), ("none", .nothing)])
        let list = Format<[String]>.list(of: .text)
        let shape = Shape.either([choice.shape, list.shape])
        return Format(
            shape: shape,
            read: { node, reading in
                switch node.content {
                case .text: return choice.read(node, &reading)
                case .list:
                    guard let names = list.read(node, &reading) else { return nil }
                    let inherited = InheritedVariables.base(and: names)
                    guard let problem = inherited.problem() else { return inherited }
                    reading.report(.outOfRange, node, problem)
                    return nil
                default:
                    reading.reportType(node, shape)
                    return nil
                }
            },
            write: { inherited in
                choice.write(inherited) ?? inherited.namesBesideBase.flatMap(list.write)
            }
        )
    }()

    private static let limitsFormat = Format<LimitFields>.object().mapped({ $0.limits }, back: { LimitFields($0) })
}

/// The fields of `limits`.
struct LimitFields: ConfigObject {
    var limits = ProcessLimits()
    var unused: [String: JSONValue] = [:]

    static let fields: [Field<LimitFields>] = [
        Field(
            "open_files",
            \.limits.openFiles,
            .integer(ProcessLimits.leastOpenFiles...Int.max),
            absence: none,
            "Descriptors that a process may have open."
        ),
        Field(
            "address_space",
            \.limits.addressSpace,
            ResourceFields.bytes,
            absence: none,
            "Bytes of its address space, from 1 GiB on; the files of models count."
        ),
        Field(
            "processes",
            \.limits.processes,
            .integer(ProcessLimits.leastProcesses...Int.max),
            absence: none,
            "Processes and threads that the instance's user may have when a process starts another one."
        ),
        Field(
            "file_size",
            \.limits.fileSize,
            ResourceFields.bytes,
            absence: none,
            "Bytes of the largest file that a process may write."
        ),
        Field(
            "core_size",
            \.limits.coreSize,
            ResourceFields.bytes,
            absence: none,
            "Bytes of the file that is written when a process crashes."
        ),
    ]

    private static let none = "the instance's"

    init() {}

    init(_ limits: ProcessLimits) {
        self.limits = limits
    }

    mutating func finish(_ node: ConfigNode, _ reading: inout Reading) {
        if let problem = limits.problem() { reading.report(.outOfRange, node, problem) }
    }
}

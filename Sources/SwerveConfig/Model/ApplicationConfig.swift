public import SwerveCore

/// An application of a configuration file.
public struct ApplicationConfig: Hashable, Sendable {
    /// `default` if the file gives none.
    public var name: String
    /// Where the application answers HTTP; `nil` for what the program says.
    public var routePrefix: RouteSetting?
    public var importPath: ImportPath
    /// The arguments for the program's application, whose types only the program knows.
    public var args: [String: JSONValue]?
    public var runtimeEnvironment: RuntimeEnvironmentConfig?
    public var logging: LoggingConfig?
    /// Whether only calls of the REST API scale the deployments. None may be autoscaled then.
    public var isScaledExternally: Bool?
    /// Options of some of its deployments; the others have those that the program gives.
    public var deployments: [DeploymentConfig]
    /// Fields of Ray Serve that have no effect, by name.
    public var unused: [String: JSONValue] = [:]
    private var origin = Incidental(value: ConfigPlace())

    public init(name: String = "default", importPath: ImportPath, deployments: [DeploymentConfig] = []) {
        self.name = name
        self.importPath = importPath
        self.deployments = deployments
    }

    /// Where the application stands in the file. Two that differ in nothing else are equal.
    public var place: ConfigPlace { origin.value }
}

/// A setting of the route prefix, which may be that there is none.
public struct RouteSetting: Hashable, Sendable {
    /// `nil` for an application that answers no HTTP requests.
    public var path: String?

    public init(path: String?) {
        self.path = path
    }
}

/// Names an application of a program: `EXECUTABLE:APPLICATION`.
public struct ImportPath: Hashable, Sendable, CustomStringConvertible {
    /// The path of the executable, relative to the configuration file's folder.
    public var executable: String
    /// The name of an application that the program declares.
    public var application: String

    public init(executable: String, application: String) {
        self.executable = executable
        self.application = application
    }

    public var description: String { "\(executable):\(application)" }

    /// - Returns: `nil` if `text` has not one colon with something on both sides.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        self.init(executable: String(parts[0]), application: String(parts[1]))
    }

    /// Reads Python's `module.attribute`, as Ray Serve's files may have it.
    init?(dotted text: String) {
        guard !text.contains(":"), !text.contains("/"), let dot = text.lastIndex(of: "."), dot != text.startIndex,
            text.index(after: dot) != text.endIndex
        else { return nil }
        self.init(executable: String(text[..<dot]), application: String(text[text.index(after: dot)...]))
    }
}

/// What the processes of an application or a deployment run in.
public struct RuntimeEnvironmentConfig: Hashable, Sendable {
    /// Added to the environment of the replicas' processes.
    public var variables: [String: String]?
    /// A folder or a ZIP file, relative to the configuration file's folder.
    public var workingDirectory: String?
    /// Patterns of what is left out of it, as in `.gitignore`.
    public var excludes: [String]?
    /// What the processes inherit of the instance's own variables.
    public var inherits: InheritedVariables?
    /// What the system limits the processes to.
    public var limits: ProcessLimits?
    /// Another build of the program, relative to the configuration file's folder.
    public var executable: String?
    /// Fields of Ray that have no effect, by name.
    public var unused: [String: JSONValue] = [:]

    public init(variables: [String: String]? = nil, workingDirectory: String? = nil, executable: String? = nil) {
        self.variables = variables
        self.workingDirectory = workingDirectory
        self.executable = executable
    }

    /// What it says of the processes, apart from their executable.
    package var environment: RuntimeEnvironment {
        RuntimeEnvironment(
            variables: variables ?? [:],
            workingDirectory: workingDirectory,
            excludes: excludes,
            inherits: inherits,
            limits: limits ?? ProcessLimits()
        )
    }
}

extension RuntimeEnvironmentConfig: ConfigObject {
    init() {
        self.init(variables: nil)
    }
}

extension ApplicationConfig: ConfigObject {
    init() {
        self.init(importPath: ImportPath(executable: "", application: ""))
    }

    mutating func finish(_ node: ConfigNode, _ reading: inout Reading) {
        origin.value = reading.place(node)
        var names: [String: ConfigPlace] = [:]
        for deployment in deployments {
            if let other = names.updateValue(deployment.place, forKey: deployment.name) {
                reading.report(
                    .conflict,
                    at: deployment.place,
                    "the deployment '\(deployment.name)' is also in line \(other.line)"
                )
            }
            if isScaledExternally == true, deployment.autoscaling != nil || deployment.numReplicas == .auto {
                reading.report(
                    .conflict,
                    at: deployment.place,
                    "the deployment '\(deployment.name)' is autoscaled, but external_scaler_enabled is true; "
                        + "give num_replicas as a number, or leave external_scaler_enabled out"
                )
            }
        }
    }
}

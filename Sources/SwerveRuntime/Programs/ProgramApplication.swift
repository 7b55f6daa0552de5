public import SwerveCore

/// An application of another program, for ``ServeInstance/deploy(_:)``.
public struct ProgramApplication: Hashable, Sendable {
    /// The path of the executable.
    public var executable: String
    /// Which of the program's applications; `nil` for the only one.
    public var application: String?
    /// The application's arguments by name, as text; the others have their defaults.
    public var arguments: [String: String]
    /// What the application is called in the instance; `nil` for its own name.
    public var name: String?
    /// The path below which it answers HTTP; `nil` for the application's own, an empty text for none.
    public var routePrefix: String?
    /// What its replicas' processes run in, on top of what the program says.
    public var runtimeEnvironment: RuntimeEnvironment?

    public init(
        executable: String,
        application: String? = nil,
        arguments: [String: String] = [:],
        name: String? = nil,
        routePrefix: String? = nil,
        runtimeEnvironment: RuntimeEnvironment? = nil
    ) {
        self.executable = executable
        self.application = application
        self.arguments = arguments
        self.name = name
        self.routePrefix = routePrefix
        self.runtimeEnvironment = runtimeEnvironment
    }

    package var wanted: DescribeRequest.Wanted {
        var wanted = DescribeRequest.Wanted(application)
        wanted.arguments = ApplicationArguments(arguments.mapValues(JSONValue.string))
        (wanted.name, wanted.routePrefix) = (name, routePrefix)
        return wanted
    }
}

internal import SwerveActors
package import SwerveCore
package import SwerveHTTPTypes
internal import SwerveTransport

/// What a program is asked about its applications. It gets the question in the variable `SWERVE_DESCRIBE`, writes the
/// answer to a file and ends, instead of running.
package struct DescribeRequest: Codable, Sendable {
    package static let variable = "SWERVE_DESCRIBE"

    /// What is wanted of one application.
    package struct Wanted: Codable, Sendable {
        /// `nil` for the only one of the program.
        package var application: String?
        package var arguments = ApplicationArguments()
        /// What it is called in the instance; `nil` for its own name.
        package var name: String?
        /// `nil` for the application's own; an empty text for none.
        package var routePrefix: String?
        /// The user configurations of deployments, by their names.
        package var userConfigs: [String: JSONValue] = [:]
        /// The deployments whose own environment is left out, because the configuration replaces it.
        package var replacedEnvironments: Set<String> = []

        package init(_ application: String?) {
            self.application = application
        }
    }

    /// Of what processes tell each other, ``Hello/currentVersion``.
    package var version = Hello.currentVersion
    /// Where the answer goes.
    package var answer: String
    /// The instance that the specification is for.
    package var instance: InstanceID
    /// `nil` to be told which applications there are.
    package var wanted: Wanted?

    package init(answer: String, instance: InstanceID, wanted: Wanted?) {
        self.answer = answer
        self.instance = instance
        self.wanted = wanted
    }
}

/// What a program answers to a ``DescribeRequest``.
package struct DescribeAnswer: Codable, Sendable {
    /// The build of the program.
    package var build = "\(BuildID.own)"
    package var applications: [ApplicationSummary] = []
    /// What was wanted.
    package var spec: ApplicationSpec?
    /// Why there is no answer.
    package var error: ServeError?

    package init() {}
}

/// What is known of an application before it is deployed.
package struct ApplicationSummary: Codable, Sendable {
    package struct Argument: Codable, Sendable {
        package var name: String
        package var type: JSONSchema
        /// `nil` where it has none but `nil`.
        package var fallback: JSONValue?

        package init(name: String, type: JSONSchema, fallback: JSONValue?) {
            self.name = name
            self.type = type
            self.fallback = fallback
        }
    }
    package var name: String
    package var routePrefix: String?
    package var arguments: [Argument]

    package init(name: String, routePrefix: String?, arguments: [Argument]) {
        self.name = name
        self.routePrefix = routePrefix
        self.arguments = arguments
    }
}

package import SwerveActors
package import SwerveCore
package import SwerveHTTPTypes
internal import SwerveSystem
internal import SwerveTransport

#if canImport(FoundationEssentials)
    private import FoundationEssentials
#else
    private import Foundation
#endif

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
    package var build = BuildID.own
    package var applications: [ApplicationSummary] = []
    /// What was wanted.
    package var spec: ApplicationSpec?
    /// Why there is no answer.
    package var error: ServeError?
}

/// What is known of an application before it is deployed.
package struct ApplicationSummary: Codable, Sendable {
    package struct Argument: Codable, Sendable {
        package var name: String
        package var type: JSONSchema
        /// `nil` where it has none but `nil`.
        package var fallback: JSONValue?
    }
    package var name: String
    package var routePrefix: String?
    package var arguments: [Argument]

    package init(_ type: any ServeApplication.Type) throws(ServeError) {
        func defaults<Application: ServeApplication>(
            _ type: Application.Type
        ) throws(ServeError) -> [String: JSONValue] { try ApplicationArguments.defaults(of: type) }
        let fallbacks = try defaults(type)
        name = type.name
        routePrefix = type.routePrefix
        arguments = ApplicationArguments.schemas(of: type).sorted { $0.key < $1.key }.map { name, schema in
            Argument(name: name, type: schema, fallback: fallbacks[name])
        }
    }
}

/// The applications that a program declares.
package struct DeclaredApplications: Sendable {
    package let types: [any ServeApplication.Type]

    /// - Throws: ``ServeError`` with code `invalidOptions` if there is none, or two have the same name.
    package init(_ types: [any ServeApplication.Type]) throws(ServeError) {
        var names: Set<String> = []
        for type in types where !names.insert(type.name).inserted {
            throw ServeError(.invalidOptions, "two applications of the program are named '\(type.name)'")
        }
        if types.isEmpty { throw ServeError(.invalidOptions, "the program declares no application") }
        self.types = types
    }

    /// - Parameter name: `nil` for the only one.
    /// - Throws: ``ServeError`` with code `notFound` if there is none of the name, or there are several and no name.
    package func find(_ name: String?) throws(ServeError) -> any ServeApplication.Type {
        guard let name else {
            if let only = types.first, types.count == 1 { return only }
            throw ServeError(
                .notFound,
                "the program has several applications; name one of: \(types.map(\.name).joined(separator: ", "))"
            )
        }
        guard let type = types.first(where: { $0.name == name }) else {
            throw ServeError(
                .notFound,
                "the program has no application '\(name)'; \(NearestName.hint(for: name, among: types.map(\.name)))"
            )
        }
        return type
    }

    /// The specification of an application in an instance.
    ///
    /// - Throws: what ``find(_:)``, ``ApplicationArguments/applied(to:)``, ``ServeApplication/application()`` and the
    ///   checks of ``ServeInstance/run(_:name:routePrefix:cors:)`` throw.
    package func spec(_ wanted: DescribeRequest.Wanted, of instance: InstanceID) async throws -> ApplicationSpec {
        func spec<Application: ServeApplication>(of type: Application.Type) async throws -> ApplicationSpec {
            try await ApplicationBuilder.build(
                wanted.arguments.applied(to: type).application(),
                of: instance,
                name: wanted.name ?? type.name,
                routePrefix: wanted.routePrefix.map { $0.isEmpty ? nil : $0 } ?? type.routePrefix,
                cors: type.cors,
                userConfigs: wanted.userConfigs
            )
        }
        return try await spec(of: find(wanted.application))
    }

    // MARK: Answering another instance

    /// Answers the request that this process was started with, and ends it; returns if it was started for something else.
    package static func answerRequest(_ types: [any ServeApplication.Type]) async {
        guard let text = ThisProcess.environmentVariable(DescribeRequest.variable) else { return }
        // Processes that user code starts must not answer, too.
        ThisProcess.removeEnvironmentVariable(DescribeRequest.variable)
        guard let request = try? JSONDecoder().decode(DescribeRequest.self, from: Data(text.utf8)) else {
            StandardError.write("swerve: \(DescribeRequest.variable) is set but holds no request\n")
            ThisProcess.exit(64)
        }
        let answer = await answer(request, types)
        do {
            try FileSystem.write([UInt8](JSONEncoder().encode(answer)), to: request.answer, mode: 0o600)
        } catch {
            StandardError.write("swerve: the description cannot be written: \(error)\n")
            ThisProcess.flushAndExit(74)
        }
        ThisProcess.flushAndExit(0)
    }

    private static func answer(
        _ request: DescribeRequest,
        _ types: [any ServeApplication.Type]
    ) async -> DescribeAnswer {
        var answer = DescribeAnswer()
        do {
            guard request.version == Hello.currentVersion else {
                throw ServeError(
                    .invalidOptions,
                    "the instance and the program were built with different versions of Swerve (protocol \(request.version) "
                        + "and \(Hello.currentVersion)); build both with the same"
                )
            }
            let declared = try DeclaredApplications(types)
            answer.applications = try declared.types.map { try ApplicationSummary($0) }
            if let wanted = request.wanted {
                answer.spec = try await declared.spec(wanted, of: request.instance)
            }
        } catch let error as ServeError {
            answer.error = error
        } catch {
            answer.error = ServeError(.startFailed, "\(type(of: error)): \(error)")
        }
        return answer
    }
}

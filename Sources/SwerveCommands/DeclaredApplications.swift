internal import SwerveCore
internal import SwerveRuntime
internal import SwerveSystem
internal import SwerveTransport

#if canImport(FoundationEssentials)
    private import FoundationEssentials
#else
    private import Foundation
#endif

/// The applications that a program declares.
struct DeclaredApplications: Sendable {
    let types: [any ServeApplication.Type]

    /// - Throws: ``ServeError`` with code `invalidOptions` if there is none, or two have the same name.
    init(_ types: [any ServeApplication.Type]) throws(ServeError) {
        var names: Set<String> = []
        for name in types.map({ $0.name }) where !names.insert(name).inserted {
            throw ServeError(.invalidOptions, "two applications of the program are named '\(name)'")
        }
        if types.isEmpty { throw ServeError(.invalidOptions, "the program declares no application") }
        self.types = types
    }

    /// - Parameter name: `nil` for the only one.
    /// - Throws: ``ServeError`` with code `notFound` if there is none of the name, or there are several and no name.
    func find(_ name: String?) throws(ServeError) -> any ServeApplication.Type { types[try index(of: name)] }

    private func index(of name: String?) throws(ServeError) -> Int {
        let names = types.map { $0.name }
        guard let name else {
            if names.count == 1 { return 0 }
            throw ServeError(
                .notFound,
                "the program has several applications; name one of: \(names.joined(separator: ", "))"
            )
        }
        guard let index = names.firstIndex(of: name) else {
            throw ServeError(
                .notFound,
                "the program has no application '\(name)'; \(NearestName.hint(for: name, among: names))"
            )
        }
        return index
    }

    /// The specification of an application in an instance.
    ///
    /// - Throws: what ``find(_:)``, ``ApplicationArguments/applied(to:)``, ``ServeApplication/application()`` and the
    ///   checks of ``ServeInstance/run(_:name:routePrefix:cors:runtimeEnvironment:)`` throw.
    func spec(_ wanted: DescribeRequest.Wanted, of instance: InstanceID) async throws -> ApplicationSpec {
        func spec<Application: ServeApplication>(of type: Application.Type) async throws -> ApplicationSpec {
            try await ApplicationBuilder.build(
                wanted.arguments.applied(to: type).application(),
                of: instance,
                name: wanted.name ?? type.name,
                routePrefix: wanted.routePrefix.map { $0.isEmpty ? nil : $0 } ?? type.routePrefix,
                cors: type.cors,
                environment: type.runtimeEnvironment,
                userConfigs: wanted.userConfigs,
                replacedEnvironments: wanted.replacedEnvironments
            )
        }
        return try await spec(of: find(wanted.application))
    }

    // MARK: Answering another instance

    /// Answers the request that this process was started with, and ends it; returns if it was started for something else.
    static func answerRequest(_ types: [any ServeApplication.Type]) async {
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

extension ApplicationSummary {
    init(_ type: any ServeApplication.Type) throws(ServeError) {
        func defaults<Application: ServeApplication>(
            _ type: Application.Type
        ) throws(ServeError) -> [String: JSONValue] { try ApplicationArguments.defaults(of: type) }
        let fallbacks = try defaults(type)
        self.init(
            name: type.name,
            routePrefix: type.routePrefix,
            arguments: ApplicationArguments.schemas(of: type).sorted { $0.key < $1.key }.map { name, schema in
                Argument(name: name, type: schema, fallback: fallbacks[name])
            }
        )
    }
}

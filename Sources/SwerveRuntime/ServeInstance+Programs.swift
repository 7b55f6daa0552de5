internal import SwerveCheckpoint
internal import SwerveControl
internal import SwerveController
package import SwerveCore
internal import SwerveEnvironments
internal import SwerveLaunch
internal import SwerveTransport

extension ServeInstance {
    /// Runs an application of another program, or replaces the one that runs under the name, and returns when its
    /// replicas take requests.
    ///
    /// The program is copied, so that the application does not change when the file does, and run once to describe the
    /// application: see ``ServeApplication``. The replicas are processes of the copy.
    /// - Throws: ``ServeError`` with code `notFound` if there is no such file or application, `startFailed` if the program
    ///   does not describe its applications or replicas do not start, `invalidOptions` for arguments that the application
    ///   does not take and options that only the program itself could carry out, and what
    ///   ``run(_:name:routePrefix:cors:runtimeEnvironment:)`` throws. In all cases an application that already ran under the name keeps
    ///   running.
    public func deploy(_ program: ProgramApplication) async throws {
        let environment = program.runtimeEnvironment ?? RuntimeEnvironment()
        try await deploy(try await describe(program.executable, program.wanted, environment: environment))
    }

    /// The specification of an application of another program, whose executable is kept from now on.
    ///
    /// - Parameters:
    ///   - names: the deployments that will run from it; `nil` for all. The others may be what only the program itself can
    ///     run.
    ///   - environment: what its replicas' processes run in, on top of what the program says. The program is asked in it,
    ///     too.
    package func describe(
        _ executable: String,
        _ wanted: DescribeRequest.Wanted,
        only names: Set<String>? = nil,
        environment: RuntimeEnvironment = RuntimeEnvironment()
    ) async throws -> ApplicationSpec {
        if let problem = environment.problem() { throw ServeError(.invalidOptions, problem) }
        let answer = try await ask(executable, wanted, environment, keeping: true)
        guard var spec = answer.spec else {
            throw ServeError(.startFailed, "'\(executable)' gave no description of the application")
        }
        try spec.checkForeign(of: executable, only: names)
        for index in spec.deployments.indices {
            var own = spec.deployments[index].environment ?? RuntimeEnvironment()
            // Who deploys a program says what it gets to see of this one, and not the program itself.
            own.inherits = .base
            spec.deployments[index].environment = own.with(environment)
        }
        return spec
    }

    /// What a program says of all its applications.
    package func applications(of executable: String) async throws -> [ApplicationSummary] {
        try await ask(executable, nil, RuntimeEnvironment(), keeping: false).applications
    }

    private func ask(
        _ executable: String,
        _ wanted: DescribeRequest.Wanted?,
        _ environment: RuntimeEnvironment,
        keeping keeps: Bool
    ) async throws -> DescribeAnswer {
        let programs = try await programs()
        var launched = LaunchEnvironment(environment.variables, inherits: environment.inherits ?? .base)
        if let path = environment.workingDirectory {
            let source = KeptFolders.Source(path, excludes: environment.excludes ?? [])
            launched.workingDirectory = try await Self.copy(of: source, in: programs.folders)
        }
        let draft = try programs.executables.draft(of: executable)
        do {
            let answer = try await programs.reader.ask(draft, wanted, environment: launched)
            if keeps {
                try programs.executables.keep(draft, as: answer.build)
            } else {
                programs.executables.discard(draft)
            }
            return answer
        } catch {
            programs.executables.discard(draft)
            throw error
        }
    }
}

extension ApplicationSpec {
    /// Refuses what only a process of the program itself can do.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions`.
    fileprivate func checkForeign(of executable: String, only names: Set<String>?) throws(ServeError) {
        for deployment in deployments where names?.contains(deployment.id.deployment) != false {
            let options = deployment.options
            func refuse(_ what: String) -> ServeError {
                ServeError(
                    .invalidOptions,
                    "deployment '\(deployment.id.deployment)' \(what), which this instance's program does not have; run "
                        + "'\(executable)' itself, or choose another option",
                    deployment: deployment.id
                )
            }
            if options.placement == .inProcess { throw refuse("runs in the instance's own process") }
            try options.validate(deployment: deployment.id.deployment)
        }
    }
}

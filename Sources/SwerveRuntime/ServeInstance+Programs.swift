internal import SwerveCheckpoint
internal import SwerveControl
internal import SwerveController
package import SwerveCore
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
    ///   ``run(_:name:routePrefix:cors:)`` throws. In all cases an application that already ran under the name keeps
    ///   running.
    public func deploy(_ program: ProgramApplication) async throws {
        try await deploy(try await describe(program.executable, program.wanted))
    }

    /// The specification of an application of another program, whose executable is kept from now on.
    package func describe(
        _ executable: String,
        _ wanted: DescribeRequest.Wanted,
        environment: [String: String] = [:]
    ) async throws -> ApplicationSpec {
        let answer = try await ask(executable, wanted, environment, keeping: true)
        guard let spec = answer.spec else {
            throw ServeError(.startFailed, "'\(executable)' gave no description of the application")
        }
        try spec.checkForeign(of: executable)
        return spec
    }

    /// What a program says of all its applications.
    package func applications(of executable: String) async throws -> [ApplicationSummary] {
        try await ask(executable, nil, [:], keeping: false).applications
    }

    private func ask(
        _ executable: String,
        _ wanted: DescribeRequest.Wanted?,
        _ environment: [String: String],
        keeping keeps: Bool
    ) async throws -> DescribeAnswer {
        let programs = try await programs()
        let draft = try programs.executables.draft(of: executable)
        do {
            let answer = try await programs.reader.ask(draft, wanted, environment: environment)
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
    fileprivate func checkForeign(of executable: String) throws(ServeError) {
        for deployment in deployments {
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

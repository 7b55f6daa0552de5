internal import SwerveController
internal import SwerveCore
internal import SwerveEnvironments

/// The environments of deployments, made ready for their replicas.
extension ServeInstance {
    /// A specification that says which content the working directories have, instead of where they are, so that the
    /// application stays as it was deployed whatever happens to the folders.
    ///
    /// - Parameter folders: where the content is kept; `nil` if nothing is to be kept, because nothing will start.
    /// - Throws: ``ServeError`` with code `notFound`, `invalidOptions` or `system` and the deployment, if an environment
    ///   cannot be made.
    func prepared(_ spec: ApplicationSpec, in folders: KeptFolders?) async throws -> ApplicationSpec {
        var spec = spec
        // Deployments that share a folder share the reading of it.
        var digests: [KeptFolders.Source: String] = [:]
        for (index, deployment) in spec.deployments.enumerated() {
            do {
                var environment = deployment.environment ?? RuntimeEnvironment()
                try environment.check(deployment)
                let excludes = environment.excludes ?? []
                environment.excludes = nil
                if let path = environment.workingDirectory {
                    let source = KeptFolders.Source(path, excludes: excludes)
                    let digest: String
                    if let known = digests[source] {
                        digest = known
                    } else {
                        digest = try await Self.digest(of: source, folders)
                    }
                    digests[source] = digest
                    environment.workingDirectory = nil
                    spec.deployments[index].workingDirectory = digest
                } else if let digest = deployment.workingDirectory, let folders, folders.path(of: digest) == nil {
                    throw ServeError(
                        .notFound,
                        "its working directory, with the content \(digest.prefix(12)), is not kept any more; deploy the "
                            + "application from its folder again"
                    )
                }
                spec.deployments[index].environment = environment.isEmpty ? nil : environment
            } catch let error as ServeError {
                throw error.of(deployment.id)
            }
        }
        return spec
    }

    @concurrent private nonisolated static func digest(
        of source: KeptFolders.Source,
        _ folders: KeptFolders?
    ) async throws -> String {
        try folders?.keep(source) ?? KeptFolders.digest(of: source)
    }

    @concurrent nonisolated static func remove(from folders: KeptFolders, except digests: Set<String>) async {
        folders.removeAll(except: digests)
    }

    /// The path of a copy of a folder or a ZIP file, for a program that describes an application.
    @concurrent nonisolated static func copy(of source: KeptFolders.Source, in folders: KeptFolders) async throws
        -> String?
    {
        folders.path(of: try folders.keep(source))
    }
}

extension RuntimeEnvironment {
    /// Refuses what is known to fail before a replica starts.
    fileprivate func check(_ deployment: DeploymentSpec) throws(ServeError) {
        if let problem = problemOnItsOwn() { throw ServeError(.invalidOptions, problem) }
        try limits.checkBounds()
        let isGiven = !isEmpty || deployment.workingDirectory != nil
        if isGiven, deployment.options.placement == .inProcess {
            throw ServeError(.invalidOptions, DeploymentOptions.sharedEnvironment)
        }
    }
}

extension ServeError {
    /// The same, said of a deployment.
    fileprivate func of(_ deployment: DeploymentID) -> ServeError {
        var error = self
        error.message = "deployment '\(deployment.deployment)': \(message)"
        error.deployment = deployment
        return error
    }
}

extension ApplicationSpec {
    /// The contents of the working directories that its replicas start in.
    var workingDirectories: Set<String> { Set(deployments.compactMap(\.workingDirectory)) }
}

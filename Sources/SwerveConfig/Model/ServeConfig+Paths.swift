extension ServeConfig {
    /// The configuration with absolute paths, so that it means the same to a process in another folder.
    ///
    /// - Parameter folder: the absolute path of the configuration file's folder, which its paths are relative to.
    public func resolvingPaths(in folder: String) -> ServeConfig {
        var config = self
        config.logging = logging?.resolvingPaths(in: folder)
        config.applications = applications.map { application in
            var application = application
            application.importPath.executable = Path.resolved(application.importPath.executable, in: folder)
            application.runtimeEnvironment = application.runtimeEnvironment?.resolvingPaths(in: folder)
            application.logging = application.logging?.resolvingPaths(in: folder)
            application.deployments = application.deployments.map { deployment in
                var deployment = deployment
                deployment.runtimeEnvironment = deployment.runtimeEnvironment?.resolvingPaths(in: folder)
                deployment.logging = deployment.logging?.resolvingPaths(in: folder)
                return deployment
            }
            return application
        }
        return config
    }
}

extension LoggingConfig {
    fileprivate func resolvingPaths(in folder: String) -> LoggingConfig {
        var config = self
        config.logsDirectory = logsDirectory.map { Path.resolved($0, in: folder) }
        return config
    }
}

extension RuntimeEnvironmentConfig {
    fileprivate func resolvingPaths(in folder: String) -> RuntimeEnvironmentConfig {
        var environment = self
        environment.workingDirectory = workingDirectory.map { $0.contains("://") ? $0 : Path.resolved($0, in: folder) }
        environment.executable = executable.map { Path.resolved($0, in: folder) }
        return environment
    }
}

private enum Path {
    /// Without `.` segments. `..` stays: before a symbolic link, only the file system knows where it leads.
    static func resolved(_ path: String, in folder: String) -> String {
        let whole = path.hasPrefix("/") ? path : "\(folder)/\(path)"
        return "/" + whole.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }
}

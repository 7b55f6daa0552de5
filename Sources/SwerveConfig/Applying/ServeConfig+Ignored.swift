extension ServeConfig {
    /// What the configuration says and a deploy into a running instance does not carry out, in the order of the file.
    public var ignoredByDeploy: [ConfigWarning] {
        var ignored = ignoredAtStart
        let atStart = "an instance that runs keeps what it started with; swerve start --config FILE takes it over"
        let sections = [("http_options", http != nil), ("logging_config", logging != nil), ("tracing", tracing != nil)]
        for (path, isGiven) in sections where isGiven { ignored.append(warning(path, atStart)) }
        for (index, application) in applications.enumerated() {
            let path = "applications[\(index)]"
            ignored += warnings(application.logging, path)
            if application.isScaledExternally == true {
                ignored.append(warning("\(path).external_scaler_enabled", "scaling is always allowed"))
            }
            for (index, deployment) in application.deployments.enumerated() {
                let path = "\(path).deployments[\(index)]"
                ignored += warnings(deployment.logging, path)
            }
        }
        return ignored.sorted { ($0.place.line, $0.place.column) < ($1.place.line, $1.place.column) }
    }

    /// What the configuration says of the instance and one that starts with it does not carry out.
    public var ignoredAtStart: [ConfigWarning] {
        guard proxyLocation == .disabled else { return [] }
        return [warning("proxy_location", "an instance always takes HTTP requests; on 127.0.0.1, of this machine only")]
    }

    /// - Parameters:
    ///   - logging: what an application or a deployment says of its replicas' logs.
    ///   - path: of the application or the deployment.
    private func warnings(_ logging: LoggingConfig?, _ path: String) -> [ConfigWarning] {
        guard let logging else { return [] }
        let given = LoggingConfig.fields.filter { field in
            guard case .used = field.description.effect else { return false }
            return !LoggingConfig.ofProcess.contains(field.description.name) && field.write(logging) != nil
        }
        return given.map { field in
            warning(
                "\(path).logging_config.\(field.description.name)",
                "it is of the instance, and belongs in the logging_config at the top"
            )
        }
    }

    /// - Parameter path: of a field that is given.
    private func warning(_ path: String, _ reason: String) -> ConfigWarning {
        let name = path.split(separator: ".").last ?? ""
        return ConfigWarning(at: place(of: path), "'\(name)' has no effect: \(reason)")
    }
}

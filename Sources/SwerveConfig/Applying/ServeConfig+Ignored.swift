extension ServeConfig {
    /// What the configuration says and a deploy into a running instance does not carry out, each as a sentence.
    public var ignored: [String] {
        var ignored: [String] = []
        func note(_ isGiven: Bool, _ path: String, _ reason: String) {
            if isGiven { ignored.append("\(path) has no effect: \(reason)") }
        }
        let atStart = "it is an option of the instance's start"
        let ofInstance = "all replicas of an instance log alike, as it was told at its start"
        note(http != nil, "http_options", atStart)
        note(proxyLocation != nil, "proxy_location", atStart)
        note(
            logging != nil,
            "logging_config",
            "\(atStart): swerve start --log-format, --log-level, --logs, --access-log"
        )
        for (index, application) in applications.enumerated() {
            let path = "applications[\(index)]"
            note(application.logging != nil, "\(path).logging_config", ofInstance)
            note(application.isScaledExternally == true, "\(path).external_scaler_enabled", "scaling is always allowed")
            for (index, deployment) in application.deployments.enumerated() {
                let path = "\(path).deployments[\(index)]"
                let environment = deployment.runtimeEnvironment
                note(deployment.logging != nil, "\(path).logging_config", ofInstance)
                note(environment?.executable != nil, "\(path).runtime_env.executable", "only an application has one")
            }
        }
        return ignored
    }
}

internal import SwerveCore

extension ApplicationSpec {
    /// Checks what the spec alone can show to be wrong.
    func validate() throws(ServeError) {
        func refuse(_ what: String) -> ServeError {
            ServeError(.invalidOptions, "application '\(name)': \(what)")
        }
        if let problem = NameRule.problem(with: name) { throw refuse(problem) }
        var seen: Set<String> = []
        for deployment in deployments {
            let own = deployment.id.deployment
            if let problem = NameRule.problem(with: own) { throw refuse(problem) }
            if deployment.id.application != name {
                throw refuse("deployment '\(deployment.id)' belongs to another application")
            }
            if !seen.insert(own).inserted { throw refuse("two deployments are named '\(own)'") }
            try deployment.options.validate(deployment: own)
        }
        if !seen.contains(ingress) { throw refuse("its ingress '\(ingress)' is not one of its deployments") }
        if let routePrefix, let problem = NormalPath.problem(withPrefix: routePrefix) { throw refuse(problem) }
        if let problem = cors?.problem { throw refuse(problem) }
    }
}

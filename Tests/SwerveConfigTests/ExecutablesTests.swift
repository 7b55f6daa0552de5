import SwerveConfig
import SwerveCore
import Testing

/// Deployments that run from another build of their program.
@Suite struct ExecutablesTests {
    private func deployment(
        _ name: String,
        build: String,
        calls: [String] = [],
        answersHTTP: Bool = false
    ) -> DeploymentSpec {
        DeploymentSpec(
            id: DeploymentID(application: "text", deployment: name),
            typeName: name,
            arguments: [],
            options: DeploymentOptions(),
            answersHTTP: answersHTTP,
            build: build,
            calls: calls
        )
    }

    private func application(_ deployments: DeploymentSpec..., ingress: String = "Front") -> ApplicationSpec {
        ApplicationSpec(name: "text", routePrefix: "/", ingress: ingress, deployments: deployments)
    }

    private func own() -> ApplicationSpec {
        application(
            deployment("Front", build: "one", calls: ["Model"], answersHTTP: true),
            deployment("Model", build: "one")
        )
    }

    private func message(_ names: Set<String>, _ other: ApplicationSpec) -> String? {
        let error = #expect(throws: ServeError.self) { try own().taking(names, from: other, of: "/b/8") }
        #expect(error?.deployment?.deployment == names.first)
        return error?.message
    }

    @Test func `the deployments that a configuration names come from the other build, and nothing else`() throws {
        let other = application(
            deployment("Front", build: "two", answersHTTP: true),
            deployment("Model", build: "two"),
            deployment("More", build: "two")
        )
        let taken = try own().taking(["Model"], from: other, of: "/b/8")
        #expect(taken.deployments == [own().deployments[0], other.deployments[1]])
        #expect(try own().taking(["Unknown"], from: other, of: "/b/8") == own())
    }

    @Test func `the ingress of another build brings its routes`() throws {
        var other = application(deployment("Front", build: "two", calls: ["Model"], answersHTTP: true))
        other.routes = [RouteDescription(path: "/new", input: "{}", output: "{}")]
        let taken = try own().taking(["Front"], from: other, of: "/b/8")
        #expect(taken.routes == other.routes)
        #expect(taken.deployments.map(\.build) == ["two", "one"])
    }

    @Test func `a deployment that the other build does not have is refused with the nearest name`() {
        #expect(
            message(["Model"], application(deployment("Models", build: "two")))
                == "deployment 'Model' is to run from '/b/8', whose application has no such deployment; did you mean "
                + "'Models'?"
        )
    }

    @Test func `a deployment that does not fit in is refused`() {
        #expect(
            message(["Model"], application(deployment("Model", build: "two", calls: ["Cache"])))
                == "deployment 'Model' is to run from '/b/8', where it calls 'Cache', which the application does not have; "
                + "run the application itself from it"
        )
        #expect(
            message(["Front"], application(deployment("Front", build: "two")))
                == "deployment 'Front' is to run from '/b/8', where it answers no HTTP requests, unlike the application's "
                + "ingress; run the application itself from it"
        )
    }

    @Test func `each executable encodes the user configurations of its own deployments`() throws {
        let yaml = """
            applications:
            - import_path: a:text
              runtime_env: {executable: b}
              deployments:
              - {name: A, user_config: 1}
              - {name: B, user_config: 2, runtime_env: {executable: b}}
              - {name: C, user_config: 3, runtime_env: {executable: c}}
              - {name: D, user_config: 4, ray_actor_options: {runtime_env: {executable: c}}}
              - {name: E, runtime_env: {executable: d}}
            """
        let config = try ServeConfig.parse(yaml).config.applications[0]
        #expect(config.executable == "b")
        #expect(config.otherExecutables == ["c": ["C", "D"], "d": ["E"]])
        #expect(config.userConfigs(of: nil) == ["A": 1, "B": 2])
        #expect(config.userConfigs(of: "c") == ["C": 3, "D": 4])
        #expect(config.userConfigs(of: "d") == [:])
        #expect(try ServeConfig.parse(yaml).config.ignoredByDeploy == [])
    }
}

import SwerveCheckpoint
import SwerveConfig
import SwerveCore
import Testing

@testable import SwerveRuntime

/// What an instance knows of deploys when it goes on with what an earlier one stored.
@Suite struct DeployHistoryTests {
    private func spec(_ replicas: Int) -> ApplicationSpec {
        let deployment = DeploymentSpec(
            id: DeploymentID(application: "shop", deployment: "web"),
            typeName: "Type",
            arguments: [1],
            options: DeploymentOptions(numReplicas: replicas),
            answersHTTP: true,
            build: "build \(replicas)"
        )
        return ApplicationSpec(name: "shop", routePrefix: nil, ingress: "web", deployments: [deployment])
    }

    private func source(_ executable: String) -> DeployHistory.Source {
        let path = ImportPath(executable: executable, application: "shop")
        return DeployHistory.Source(config: ApplicationConfig(name: "shop", importPath: path), isWhole: true)
    }

    /// Two revisions, the first of a configuration, and what a third deploy had accepted.
    private var stored: [String: DeployRecord] {
        var history = DeployHistory()
        history.add(spec(1), source("one"), at: 1)
        history.add(spec(2), nil, at: 2)
        history.accept("shop", source("three"))
        return ["shop": history.record(of: "shop")!]
    }

    private func restored(_ running: ApplicationSpec?) -> DeployHistory {
        var history = DeployHistory()
        history.restore(stored, running: running.map { ["shop": $0] } ?? [:], at: 9)
        return history
    }

    @Test func `what runs is what was stored last, so a deploy that came no further is forgotten`() {
        let history = restored(spec(2))
        #expect(history.entries(of: "shop").map(\.revision) == [2, 1])
        #expect(history.sources.isEmpty)
        #expect(history.entries(of: "shop").last?.source?.config.importPath.executable == "one")
        #expect(history.builds == ["build 2", "build 1"])
    }

    @Test func `a deploy that the controller stored just before the end gets its revision`() {
        let history = restored(spec(3))
        #expect(history.entries(of: "shop").map(\.revision) == [3, 2, 1])
        #expect(history.sources["shop"]?.config.importPath.executable == "three")
        #expect(history.sources["shop"]?.isWhole == true)
        #expect(history.lastDeploys == ["shop": 9])
    }

    @Test func `an application that does not run any more is forgotten`() {
        let history = restored(nil)
        #expect(history.entries(of: "shop").isEmpty)
        #expect(history.record(of: "shop") == nil)
    }

    @Test func `ten revisions are kept, and their numbers go on`() {
        var history = DeployHistory()
        for replicas in 1...12 { history.add(spec(replicas), nil, at: Int64(replicas)) }
        #expect(history.entries(of: "shop").map(\.revision) == (3...12).reversed())
    }
}

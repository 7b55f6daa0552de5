import Swerve
import Synchronization

/// Changes the applications while it is not paused.
final class Changes: Sendable {
    struct Report: Codable, Sendable {
        var count = 0
        var byKind: [String: Int] = [:]
        /// How long the slowest change took.
        var seconds = 0.0
        var failures: [String] = []
    }

    private struct State {
        var isPaused = true
        var report = Report()
        var echo = 0
        var compose = 0
        var milliseconds = 2
        var healthCheckPeriod = 10
        var rollout = 0
    }
    private let state = Mutex(State())
    private let logs: String

    private let hasProxies: Bool

    init(logs: String, hasProxies: Bool) {
        self.logs = logs
        self.hasProxies = hasProxies
    }

    var report: Report { state.withLock { $0.report } }

    func pause(_ isPaused: Bool) { state.withLock { $0.isPaused = isPaused } }

    func first() async throws {
        try await runEcho()
        try await runCompose()
    }

    func run(every period: Duration) async throws {
        while true {
            try await Task.sleep(for: period)
            if state.withLock({ $0.isPaused }) { continue }
            let start = ContinuousClock.now
            let kind = Kind.allCases.randomElement() ?? .echo
            do {
                try await change(kind)
            } catch {
                state.withLock { $0.report.failures.append("\(kind): \(error)") }
            }
            let taken = (ContinuousClock.now - start) / Duration.seconds(1)
            state.withLock { state in
                state.report.count += 1
                state.report.byKind["\(kind)", default: 0] += 1
                state.report.seconds = max(state.report.seconds, taken)
            }
        }
    }

    private enum Kind: CaseIterable {
        case echo, compose, configuration, option, scaleEcho, scaleBack, proxies
    }

    private func change(_ kind: Kind) async throws {
        switch kind {
        case .echo:
            state.withLock { $0.echo += 1 }
            try await runEcho()
        case .compose:
            state.withLock { $0.compose += 1 }
            try await runCompose()
        case .configuration:
            state.withLock { $0.milliseconds = $0.milliseconds % 4 + 1 }
            try await runEcho()
        case .option:
            state.withLock { $0.healthCheckPeriod = $0.healthCheckPeriod % 10 + 1 }
            try await runEcho()
        case .scaleEcho: try await Serve.scale("Echo", application: "echo", to: .random(in: 2...4))
        case .proxies: if hasProxies { try await Serve.replaceProxies() }
        case .scaleBack: try await Serve.scale("Back", application: "compose", to: .random(in: 1...3))
        }
    }

    /// Each kind of rollout in turn.
    private func nextRollout() -> DeploymentOptions.Rollout {
        let kinds = [DeploymentOptions.Rollout.rolling(), .startFirst, .stopFirst]
        return state.withLock { state in
            state.rollout += 1
            return kinds[state.rollout % kinds.count]
        }
    }

    private func runEcho() async throws {
        let (version, milliseconds, period) = state.withLock { ($0.echo, $0.milliseconds, $0.healthCheckPeriod) }
        let echo = Echo.options(numReplicas: 3, rollout: nextRollout(), healthCheckPeriod: .seconds(period))
        try await Serve.run(
            echo.bind(logs: logs, version: version).userConfig(.init(milliseconds: milliseconds)),
            name: "echo",
            routePrefix: "/echo"
        )
    }

    private func runCompose() async throws {
        let (version, rollout) = (state.withLock { $0.compose }, nextRollout())
        let scaling = Autoscaling(minReplicas: 1, maxReplicas: 4, targetOngoingRequests: 2)
        let back = Back.options(autoscaling: scaling, rollout: rollout).bind(logs: logs, version: version)
        try await Serve.run(
            Front.options(numReplicas: 2, rollout: rollout).bind(logs: logs, version: version, back: back),
            name: "compose",
            routePrefix: "/compose"
        )
    }
}

internal import ArgumentParser
internal import SwerveSystem

/// How long a command waits.
struct Timeout: ParsableArguments {
    @Option(help: "How many seconds to wait at most until it is done.") var timeout = 600.0

    var patience: Duration { .seconds(timeout) }

    func validate() throws {
        if !(timeout > 0 && timeout <= 86_400) {
            throw ValidationError("--timeout must be more than 0, and a day at most")
        }
    }
}

/// Whether, and how long, a command that changes something waits until it is done.
struct Waiting: ParsableArguments {
    @Flag(help: "Do not wait until it is done.") var noWait = false
    @OptionGroup private var limit: Timeout

    /// `nil` not to wait.
    var patience: Duration? { noWait ? nil : limit.patience }
}

/// Shows a status until nothing is under way any more: on a terminal one table that changes, otherwise a line for each
/// change of a state.
struct Convergence {
    private let client: AdminClient
    private let showsReplicas: Bool
    private let patience: Duration
    /// How often the instance is asked.
    private static let period = Duration.milliseconds(200)

    /// - Parameter patience: how long to wait.
    init(_ client: AdminClient, showsReplicas: Bool, within patience: Duration) {
        self.client = client
        self.showsReplicas = showsReplicas
        self.patience = patience
    }

    /// - Parameter part: what of the status matters.
    /// - Returns: the status in the end.
    /// - Throws: ``Failure`` with code 3 if the time is over before.
    func wait(for part: (StatusReport) -> StatusReport) async throws -> StatusReport {
        var shown = 0
        var states: [String: String] = [:]
        let clock = ContinuousClock()
        let end = clock.now + patience
        while clock.now < end {
            let report = part(try await client.status())
            if Terminal.isTerminal {
                let table = StatusTable(report, showsReplicas: showsReplicas)
                let lines = table.lines(width: Terminal.width, usesColours: Terminal.hasColours)
                Terminal.replace(shown, by: lines)
                shown = lines.count
            } else {
                for (name, state) in report.states where states[name] != state { print("\(name): \(state)") }
                states = Dictionary(uniqueKeysWithValues: report.states)
            }
            if report.isSettled { return report }
            try await clock.sleep(for: Self.period)
        }
        throw Failure("it is not done after \(patience); it goes on: see swerve status", code: 3)
    }
}

extension StatusReport {
    /// The states of the deployments, in order.
    fileprivate var states: [(String, String)] {
        applications.sorted { $0.key < $1.key }.flatMap { application, status in
            status.deployments.sorted { $0.key < $1.key }.map { name, deployment in
                let message = deployment.pending?.reason ?? deployment.message
                let line = message.split(whereSeparator: \.isNewline).first.map { " (\($0))" } ?? ""
                let count = "\(deployment.running)/\(deployment.target.replicas)"
                return ("\(application)/\(name)", "\(deployment.state) \(count)\(line)")
            }
        }
    }
}

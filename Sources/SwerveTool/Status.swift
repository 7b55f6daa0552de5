internal import ArgumentParser
internal import NIOHTTP1
internal import SwerveCore
internal import SwerveSystem

/// `swerve status`: what runs.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the applications, their deployments and replicas.",
        discussion: "With --wait, exits with 3 if an application is not healthy in the end."
    )

    @OptionGroup var instance: InstanceOptions

    @Flag(help: "Print what the instance answers, as JSON.")
    var json = false

    @Flag(help: "Leave out the replicas.")
    var short = false

    @Flag(help: "Show changes until nothing is under way any more.")
    var wait = false

    @OptionGroup var timeout: Timeout

    @Option(name: [.short, .long], help: "Only this application.")
    var name: String?

    func run() async throws {
        let client = try AdminClient(instance)
        if json { return print(String(decoding: try await client.send(.GET, "/api/v1/status"), as: UTF8.self)) }
        var report = try await report(client)
        guard wait else { return show(report) }
        report = try await Convergence(client, showsReplicas: !short, within: timeout.patience).wait { only($0) }
        if !report.isHealthy { throw Failure("not every application is healthy; its message says why", code: 3) }
    }

    private func only(_ report: StatusReport) -> StatusReport {
        var report = report
        if let name { report.applications = report.applications.filter { $0.key == name } }
        return report
    }

    private func report(_ client: AdminClient) async throws -> StatusReport {
        let report = try await client.status()
        if let name, report.applications[name] == nil {
            throw Failure(
                "no application '\(name)' runs; \(NearestName.hint(for: name, among: report.applications.keys))"
            )
        }
        return only(report)
    }

    private func show(_ report: StatusReport) {
        guard !report.applications.isEmpty else {
            return print("No application runs. Deploy one: swerve run EXECUTABLE, or swerve deploy FILE.yaml")
        }
        let table = StatusTable(report, showsReplicas: !short)
        for line in table.lines(width: Terminal.width, usesColours: Terminal.hasColours) { print(line) }
    }
}

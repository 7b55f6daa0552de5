internal import ArgumentParser
internal import NIOHTTP1
internal import SwerveCore
internal import SwerveSystem

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// `swerve delete`.
struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Deletes an application: its ongoing requests finish, new ones get 404."
    )

    @OptionGroup var instance: InstanceOptions

    @Argument(help: "The application.") var name: String

    @OptionGroup var waiting: Waiting

    func run() async throws {
        let client = try AdminClient(instance)
        _ = try await client.send(.DELETE, "/api/v1/applications/\(name.asPathPart)")
        guard let patience = waiting.patience else { return print("\(name) is being deleted") }
        let clock = ContinuousClock()
        let end = clock.now + patience
        while try await client.status().applications[name] != nil {
            if clock.now > end { throw Failure("\(name) is not gone after \(patience)", code: 3) }
            try await clock.sleep(for: .milliseconds(100))
        }
        print("\(name) is deleted")
    }
}

/// `swerve scale`.
struct Scale: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sets the number of replicas of a deployment, until the next deploy."
    )

    @OptionGroup var instance: InstanceOptions

    @Argument(help: "APPLICATION/DEPLOYMENT.") var deployment: String

    @Argument(help: "The number of replicas.") var replicas: Int

    @OptionGroup var waiting: Waiting

    func run() async throws {
        guard let id = DeploymentID(deployment) else {
            throw ValidationError("'\(deployment)' names no deployment: write APPLICATION/DEPLOYMENT")
        }
        let client = try AdminClient(instance)
        let path = "/api/v1/applications/\(id.application.asPathPart)/deployments/\(id.deployment.asPathPart)/scale"
        _ = try await client.send(.POST, path, Data(#"{"target_num_replicas":\#(replicas)}"#.utf8))
        guard let patience = waiting.patience else { return print("\(id) is being scaled to \(replicas)") }
        try await client.settle([id.application], within: patience)
    }
}

/// `swerve rollback`.
struct Rollback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Deploys an earlier revision of an application again; the one before the present one by default."
    )

    @OptionGroup var instance: InstanceOptions

    @Argument(help: "The application.") var name: String

    @Option(help: "The number of the revision: swerve rollback NAME --list shows them.") var to: Int?

    @Flag(help: "Show the revisions that can be deployed again.") var list = false

    @OptionGroup var waiting: Waiting

    private struct Revisions: Decodable {
        struct Revision: Decodable {
            var revision: Int
            var deployed_at: String
            var is_current: Bool
            var deployments: [String]
        }
        var revisions: [Revision]
    }

    func run() async throws {
        let client = try AdminClient(instance)
        let path = "/api/v1/applications/\(name.asPathPart)"
        if list {
            let answer = try await client.send(.GET, "\(path)/revisions")
            for revision in try AdminClient.decode(Revisions.self, answer).revisions {
                let mark = revision.is_current ? " (runs)" : ""
                let deployments = revision.deployments.joined(separator: ", ")
                print("\(revision.revision)\(mark)  \(revision.deployed_at)  \(deployments)")
            }
            return
        }
        let content = to.map { Data(#"{"revision":\#($0)}"#.utf8) } ?? Data("{}".utf8)
        _ = try await client.send(.POST, "\(path)/rollback", content)
        guard let patience = waiting.patience else { return print("\(name) is being rolled back") }
        try await client.settle([name], within: patience)
    }
}

/// `swerve shutdown`.
struct Shutdown: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ends the instance; its ongoing requests finish."
    )

    @OptionGroup var instance: InstanceOptions

    @Flag(name: [.short, .long], help: "Do not ask.") var yes = false

    func run() async throws {
        let client = try AdminClient(instance)
        let applications = try await client.status().applications.keys.sorted()
        if !yes, Terminal.isTerminal, !applications.isEmpty {
            print("This ends: \(applications.joined(separator: ", ")). Go on? [y/N] ", terminator: "")
            guard readLine()?.lowercased().hasPrefix("y") == true else { throw Failure("nothing was ended") }
        }
        _ = try await client.send(.POST, "/api/v1/shutdown", Data("{}".utf8))
        print("the instance at \(client.address) ends")
    }
}

extension AdminClient {
    /// Shows the status of applications until nothing is under way any more.
    ///
    /// - Throws: ``Failure`` with code 3 if one is not healthy then.
    func settle(_ names: [String], within patience: Duration) async throws {
        let report = try await Convergence(self, showsReplicas: false, within: patience).wait { report in
            var report = report
            report.applications = report.applications.filter { names.contains($0.key) }
            return report
        }
        for name in names {
            let application = report.applications[name]
            if application?.state == "running" { continue }
            throw Failure("\(name) is not healthy: \(application?.message ?? "it is gone")", code: 3)
        }
    }
}

extension String {
    /// As one part of a path.
    var asPathPart: String {
        utf8.map { byte in
            let character = Character(UnicodeScalar(byte))
            if character.isASCII, character.isLetter || character.isNumber || "-_.~".contains(character) {
                return String(character)
            }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count == 1 ? "0" : "") + digits
        }.joined()
    }
}

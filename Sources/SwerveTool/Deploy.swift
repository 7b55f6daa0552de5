internal import ArgumentParser
internal import NIOCore
internal import NIOHTTP1
internal import SwerveConfig
internal import SwerveCore
internal import SwerveRuntime
internal import SwerveSystem

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A configuration file of the command line.
struct ConfigFile: ParsableArguments {
    @Argument(help: "A configuration file, YAML or JSON; see docs/CONFIG.md.") var file: String

    /// The configuration with absolute paths. Its warnings go to standard error.
    func read() throws -> ServeConfig {
        let text: String
        do {
            let bytes = try FileSystem.read(file, limit: ConfigLimits().maxBytes + 1)
            text = String(decoding: bytes, as: UTF8.self)
        } catch {
            throw Failure("'\(file)' cannot be read: \(error)")
        }
        do {
            let parsed = try ServeConfig.parse(text, file: file)
            for warning in parsed.warnings { StandardError.write("warning: \(warning)\n") }
            for what in parsed.config.ignored { StandardError.write("warning: \(what)\n") }
            return parsed.config.resolvingPaths(in: URL(filePath: file).deletingLastPathComponent().absoluteURL.path())
        } catch {
            throw Failure("\(error)")
        }
    }
}

/// `swerve deploy`.
struct Deploy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Deploys the applications of a configuration file.",
        discussion: """
            The file says everything: applications that an earlier file deployed and that this one does not name are \
            deleted. 'swerve plan' shows that first. Nothing changes if something is wrong in the file.
            """
    )

    @OptionGroup var instance: InstanceOptions
    @OptionGroup var config: ConfigFile

    @OptionGroup var waiting: Waiting

    func run() async throws {
        let config = try config.read()
        let client = try AdminClient(instance)
        let content = Data(config.json.json.utf8)
        _ = try await client.send(.PUT, "/api/serve/applications/", content, timeout: .minutes(11))
        let names = config.applications.map(\.name)
        guard let patience = waiting.patience else { return print("deploying \(names.joined(separator: ", "))") }
        try await client.settle(names, within: patience)
    }
}

/// `swerve plan`.
struct Plan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what deploying a configuration file would change, without changing it."
    )

    @OptionGroup var instance: InstanceOptions
    @OptionGroup var config: ConfigFile

    private struct Plans: Decodable {
        struct Plan: Decodable {
            var application: String
            var changes: [Change]
        }
        struct Change: Decodable {
            struct Field: Decodable {
                var name: String
                var from: String
                var to: String
            }
            var deployment: String
            var action: String
            var fields: [Field]
            var method: String

            var text: String {
                let reasons = fields.map { $0.from == $0.to ? $0.name : "\($0.name): \($0.from) -> \($0.to)" }
                return "\(deployment): \(action)"
                    + (reasons.isEmpty ? "" : " (\(reasons.joined(separator: ", ")))")
                    + (method.isEmpty ? "" : "; \(method)")
            }
        }
        var plans: [Plan]
    }

    func run() async throws {
        let content = Data(try config.read().json.json.utf8)
        let client = try AdminClient(instance)
        let answer = try await client.send(.POST, "/api/v1/plan", content, timeout: .minutes(11))
        for plan in try AdminClient.decode(Plans.self, answer).plans {
            for change in plan.changes { print(change.text) }
        }
    }
}

/// `swerve run`.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs an application of a program in the instance, beside those that run.",
        discussion: "It lives until it is deleted or another one is run under its name."
    )

    @OptionGroup var instance: InstanceOptions

    @Argument(help: "EXECUTABLE, or EXECUTABLE:APPLICATION if it has several.") var program: String

    @Argument(help: "The application's arguments, NAME=VALUE.") var arguments: [String] = []

    @Option(name: [.short, .long], help: "What it is called in the instance; its own name by default.")
    var name: String?

    @Option(help: "The path below which it answers HTTP; its own by default.") var routePrefix: String?

    @OptionGroup var waiting: Waiting

    func run() async throws {
        let client = try AdminClient(instance)
        let parts = program.split(separator: ":", maxSplits: 1).map(String.init)
        let path = URL(filePath: parts.first ?? "").absoluteURL.path()
        guard FileSystem.isFile(path) else {
            throw Failure("there is no executable '\(parts.first ?? "")'; build it first")
        }
        let application = try parts.count > 1 ? parts[1] : Self.onlyApplication(of: path)
        var members: [String: JSONValue] = ["import_path": .string("\(path):\(application)")]
        let values = try ApplicationArguments(words: arguments).values
        if !values.isEmpty { members["args"] = .object(values) }
        if let routePrefix { members["route_prefix"] = routePrefix.isEmpty ? .null : .string(routePrefix) }
        let name = name ?? application
        let content = Data(JSONValue.object(members).json.utf8)
        _ = try await client.send(.PUT, "/api/v1/applications/\(name.asPathPart)", content, timeout: .minutes(11))
        guard let patience = waiting.patience else { return print("\(name) is being deployed") }
        try await client.settle([name], within: patience)
        let report = try await client.status()
        if let http = report.instance.http, let prefix = report.applications[name]?.routePrefix {
            print("\(name) answers at http://\(http.host):\(http.port)\(prefix)")
        }
    }

    /// The name of a program's application: that of the file, which `swerve new` gives both.
    private static func onlyApplication(of path: String) throws -> String {
        let name = URL(filePath: path).lastPathComponent
        guard !name.isEmpty else { throw ValidationError("name the application: EXECUTABLE:APPLICATION") }
        return name
    }
}

/// `swerve config`.
struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the configuration of the applications that a file deployed, as YAML."
    )

    @OptionGroup var instance: InstanceOptions

    private struct Details: Decodable {
        struct Application: Decodable {
            var deployed_app_config: JSONValue?
        }
        var applications: [String: Application]
    }

    func run() async throws {
        let client = try AdminClient(instance)
        let details = try AdminClient.decode(Details.self, try await client.send(.GET, "/api/serve/applications/"))
        let configs = details.applications.sorted { $0.key < $1.key }.compactMap { $0.value.deployed_app_config }
        let text = JSONValue.object(["applications": .array(configs)]).json
        do {
            print(try ServeConfig.parse(text, file: "", format: .json).config.yaml, terminator: "")
        } catch {
            throw Failure("the configuration of the instance cannot be read: \(error)")
        }
    }
}

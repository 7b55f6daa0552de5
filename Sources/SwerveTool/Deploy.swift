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

    /// The configuration with absolute paths, to be deployed. Warnings go to standard error.
    func read() throws -> ServeConfig {
        var config = try Self.read(file) { $0.ignoredByDeploy }
        // They are secret, and mean nothing to an instance that runs.
        config.tracing?.headers = nil
        return config
    }

    /// The configuration of a file with absolute paths.
    ///
    /// - Parameters:
    ///   - warns: whether warnings go to standard error.
    ///   - ignored: what of it will have no effect.
    static func read(
        _ file: String,
        warns: Bool = true,
        ignored: (ServeConfig) -> [ConfigWarning]
    ) throws -> ServeConfig {
        let text: String
        do {
            let bytes = try FileSystem.read(file, limit: ConfigLimits().maxBytes + 1)
            text = String(decoding: bytes, as: UTF8.self)
        } catch {
            throw Failure("'\(file)' cannot be read: \(error)")
        }
        do {
            let parsed = try ServeConfig.parse(text, file: file)
            let warnings = (parsed.warnings + ignored(parsed.config)).sorted {
                ($0.place.line, $0.place.column) < ($1.place.line, $1.place.column)
            }
            if warns { for warning in warnings { StandardError.write("warning: \(warning)\n") } }
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

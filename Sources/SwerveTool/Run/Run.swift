internal import ArgumentParser
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import SwerveCore
internal import SwerveRuntime
internal import SwerveSystem

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// `swerve run`.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs an application of a program in the instance, beside those that run.",
        discussion: """
            It lives until it is deleted or another one is run under its name. With --reload the command stays: whenever a \
            source of the program's package changes, it builds the program and runs the new build in place of the old one, \
            without losing a request. What does not build changes nothing. Ctrl-C ends the watching; the application goes on.
            """
    )

    @OptionGroup var instance: InstanceOptions

    @Argument(help: "EXECUTABLE, or EXECUTABLE:APPLICATION if it has several.") var program: String

    @Argument(help: "The application's arguments, NAME=VALUE.") var arguments: [String] = []

    @Option(name: [.short, .long], help: "What it is called in the instance; its own name by default.")
    var name: String?

    @Option(help: "The path below which it answers HTTP; its own by default.") var routePrefix: String?

    @Flag(help: "Build and run it again when its sources change.") var reload = false

    @OptionGroup var waiting: Waiting

    func run() async throws {
        let client = try AdminClient(instance)
        let values = try ApplicationArguments(words: arguments).values
        let parts = program.split(separator: ":", maxSplits: 1).map(String.init)
        let path = URL(filePath: parts.first ?? "").absoluteURL.standardized.path()
        let product = reload ? PackageProduct(executable: path) : nil
        if !FileSystem.isFile(path) {
            guard let product else { throw Failure("there is no executable '\(parts.first ?? "")'; build it first") }
            try await product.build()
        }
        try await deploy(path, parts.count > 1 ? parts[1] : nil, values, with: client)
        guard reload else { return }
        var watch = try product.map { try Watch.sources(of: $0) } ?? .file(path)
        print("watching \(watch); Ctrl-C ends that")
        while true {
            let changed = try await watch.nextChange()
            print("changed: \(changed)")
            do {
                try await product?.build()
                try await deploy(path, parts.count > 1 ? parts[1] : nil, values, with: client)
            } catch let failure as Failure {
                // What runs goes on, until the next change is better.
                StandardError.write("error: \(failure.description)\n")
            }
        }
    }

    private func deploy(
        _ path: String,
        _ application: String?,
        _ arguments: [String: JSONValue],
        with client: AdminClient
    ) async throws {
        let application = if let application { application } else { try await Self.onlyApplication(of: path) }
        var members: [String: JSONValue] = ["import_path": .string("\(path):\(application)")]
        if !arguments.isEmpty { members["args"] = .object(arguments) }
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

    /// The name of the only application of a program, which says so itself.
    private static func onlyApplication(of path: String) async throws -> String {
        do {
            let folder = try FileSystem.makeTemporaryFolder("/tmp/swerve-run-")
            defer { FileSystem.removeEmptyFolder(folder) }
            let reader = ProgramReader(
                in: folder,
                for: InstanceID(rawValue: .random(in: .min ... .max)),
                clock: MultiThreadedEventLoopGroup.singleton.any()
            )
            let names = try await reader.ask(path, nil).applications.map(\.name)
            guard names.count == 1 else {
                throw Failure(
                    "the program has several applications; name one: \(path):\(names.joined(separator: ", :"))"
                )
            }
            return names[0]
        } catch let error as ServeError {
            throw Failure(error.message)
        } catch let error as SystemFailure {
            throw Failure("\(error)")
        }
    }
}
